"""A clean-up removes what has ended long ago, and never work that is nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.sessions.test_repo import COMMIT, NAME
from tests.integration.sessions.work import begin, forget_sessions, on_vm, turn_directory

if TYPE_CHECKING:
    from tests.integration.dispatcher import Dispatcher
    from tests.integration.sessions.work import Work
    from tests.lab import Vm


@pytest.fixture
def vm(epyc6: Vm) -> Vm:
    """The machine without sessions, and with a repository."""
    forget_sessions(epyc6)
    on_vm(
        epyc6,
        "rm -rf project origin; git init -q -b main project; cd project; echo one >file;"
        f"git add .; git {NAME} commit -qm begin; git clone -q --bare . ../origin;"
        "git remote add origin ~/origin; git fetch -q",
    )
    return epyc6


@pytest.mark.long
def test_only_what_has_ended_and_holds_no_work_goes(user: Dispatcher, vm: Vm, work: Work) -> None:
    def ended(task: str, *more: str) -> str:
        answer = user.run("epyc6", task, "--wait", "--json", *more)
        assert answer.code == int("exit 3" in task), answer.out
        return str(answer.result["session_id"])

    repo = ("--repo", str(vm.home / "project"))
    plain, failed = ended("echo hi"), ended("exit 3")
    unchanged = ended("true", *repo)
    pushed = ended(f"echo 1 >new; {COMMIT}; git push -q origin HEAD", *repo)
    dirty, unpushed = ended("echo 1 >new", *repo), ended(f"echo 2 >new; {COMMIT}", *repo)
    running = begin(user, work.task)
    work.runs()
    young = user.run("--clean", "epyc6", "--age", "1", "--json").document["hosts"][0]
    assert young["removed"] == []
    assert set(young["kept"]) == {plain, failed, unchanged, pushed, dirty, unpushed, running}
    assert young["kept"][plain] == "it changed in the last 1 days"
    on_vm(vm, f"touch -d '3 days ago' {turn_directory(vm, plain)}")
    older = user.run("--clean", "epyc6", "--age", "2", "--json").document["hosts"][0]
    assert older["removed"] == [plain]
    answer = user.run("--clean", "epyc6", "--age", "0", "--json")
    (host,) = answer.document["hosts"]
    assert (answer.code, host["error"]) == (0, None)
    assert set(host["removed"]) == {failed, unchanged, pushed}
    assert host["kept"] == {
        dirty: "its worktree has changes that are in no commit",
        unpushed: "its worktree has commits that are on no other branch",
        running: f"{running}.1 is running",
    }
    trees = vm.home / ".local/state/dxansible/worktrees"
    assert {path.name for path in trees.iterdir()} == {dirty, unpushed}
    branches = on_vm(vm, "git -C project for-each-ref --format='%(refname:short)' refs/heads")
    assert set(branches.split()) == {"main", f"dx/{dirty}", f"dx/{unpushed}"}
    assert work.turns == [f"{running}.1"]
    assert running in user.run("--sessions", "epyc6").out.decode()
