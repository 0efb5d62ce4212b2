"""A clean-up removes what has ended long ago, and never work that is nowhere else."""

from __future__ import annotations

import os
import pty
from typing import TYPE_CHECKING

import pytest

from tests.integration.sessions.test_repo import COMMIT, NAME
from tests.integration.sessions.work import begin, forget_sessions, on_vm, turn_directory

if TYPE_CHECKING:
    from tests.integration.dispatcher import Dispatcher
    from tests.integration.sessions.work import Work
    from tests.lab import Lab, Vm

pytestmark = pytest.mark.resident


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
    unchanged = ended("exit 0", *repo)
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


@pytest.fixture
def ended(user: Dispatcher, lab: Lab) -> dict[str, str]:
    """A session that has ended on each of two VMs, and nothing else on any; by VM."""
    for machine in lab.vms.values():
        forget_sessions(machine)
    started = user.run("epyc6,macmini", "exit 0", "--wait", "--json")
    assert started.code == 0, started.err
    return {each["host"]: each["session_id"] for each in started.document["results"]}


def _sessions(user: Dispatcher) -> set[str]:
    return {each["session_id"] for each in user.run("--sessions", "--json").document["sessions"]}


def test_several_vms_are_only_cleaned_by_who_says_yes(
    user: Dispatcher, ended: dict[str, str]
) -> None:
    for call in (("--clean",), ("--clean", "all"), ("--clean", "epyc6,macmini")):
        refused = user.run(*call, "--age", "0", "--json")
        assert (refused.code, refused.document["error"]["type"]) == (2, "UsageError")
        assert "2 session(s)" in refused.document["error"]["message"]
        assert "--yes" in refused.document["error"]["remedy"]
    shown = user.run("--clean", "--age", "0", "--dry-run", "--json").document
    assert shown["dry_run"] is True
    assert {each["host"]: (each["removed"], each["removable"]) for each in shown["hosts"]} == {
        "homedesktop-wsl": ([], [])
    } | {host: ([], [name]) for host, name in ended.items()}
    assert _sessions(user) == set(ended.values())
    done = user.run("--clean", "--age", "0", "--yes", "--json")
    assert (done.code, _sessions(user)) == (0, set())
    assert {
        each["host"]: each["removed"] for each in done.document["hosts"] if each["removed"]
    } == {host: [name] for host, name in ended.items()}


@pytest.mark.parametrize(("says", "code"), [("n", 130), ("", 130), ("y", 0)])
def test_on_a_terminal_a_clean_up_of_several_vms_is_shown_and_asks(
    user: Dispatcher, ended: dict[str, str], says: str, code: int
) -> None:
    here, there = pty.openpty()
    with user.start("--clean", "--age", "0", stdin=there, stderr=there) as client:
        os.close(there)
        seen = b""
        while b"[y/N]" not in seen:
            seen += os.read(here, 4096)
        for session in ended.values():
            assert f"would remove {session}".encode() in seen
        assert b"Remove 2 session(s) of 3 VMs?" in seen
        assert _sessions(user) == set(ended.values())
        os.write(here, f"{says}\n".encode())
        assert client.wait(60) == code
    os.close(here)
    assert _sessions(user) == (set() if code == 0 else set(ended.values()))


def test_one_vm_is_cleaned_without_a_question(user: Dispatcher, ended: dict[str, str]) -> None:
    answer = user.run("--clean", "epyc6", "--age", "0")
    assert (answer.code, answer.out) == (0, b"epyc6: 1 session(s) removed\n")
    assert _sessions(user) == {ended["macmini"]}
