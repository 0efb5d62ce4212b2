"""A session works in a git worktree and on a branch of its own, and nobody else notices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.dispatcher import Dispatcher
from tests.integration.inventories import variables_of, write_hosts
from tests.integration.sessions.work import on_vm

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.dispatcher import Answer
    from tests.lab import Vm

pytestmark = pytest.mark.resident

NAME = "-c user.name=A -c user.email=a@example.org"
COMMIT = f"git add . && git {NAME} commit -qm work"
LOOK = "cd project; git status --porcelain; git log --oneline; git symbolic-ref HEAD; cat file"


@pytest.fixture
def project(epyc6: Vm) -> Path:
    """A repository on the VM, with somebody's work in it that is in no commit."""
    on_vm(
        epyc6,
        "rm -rf project; git init -q -b main project; cd project; mkdir -p sub/deep;"
        f"echo one >file; echo two >sub/deep/file; git add .; git {NAME} commit -qm begin;"
        "echo mine >>file; echo note >notes",
    )
    return epyc6.home / "project"


def _result(answer: Answer) -> dict[str, Any]:
    assert answer.code == 0, answer.out
    return answer.result


def test_two_sessions_on_one_repository_and_issue_do_not_meet(
    user: Dispatcher, epyc6: Vm, project: Path
) -> None:
    before = on_vm(epyc6, LOOK)
    arguments = ("--repo", str(project), "--beads", "bd-12", "--wait", "--json")
    task = f"echo $DX_SESSION >new; {COMMIT}; cat file new; git log --oneline | wc -l"
    results = [_result(user.run("epyc6", task, *arguments)) for _ in range(2)]
    for result in results:
        session = result["session_id"]
        tree = epyc6.home / ".local/state/dxansible/worktrees" / session
        assert result["directory"] == str(tree)
        assert result["message"].split() == ["one", f"{session}.1", "2"]
        assert result["beads"] == "bd-12"
        changes = result["changes"]
        assert (changes["commits"], changes["files"], changes["dirty"]) == (1, 1, False)
        assert changes["no_changes"] is False
        assert changes["head"] == on_vm(epyc6, f"git -C {tree} rev-parse HEAD").strip()
    own = f"dx/bd-12-{results[1]['session_id']}"
    assert [result["branch"] for result in results] == ["dx/bd-12", own]
    assert on_vm(epyc6, LOOK) == before


def test_sessions_that_begin_at_the_same_moment_get_branches_of_their_own(
    epyc6: Vm, project: Path, tmp_path: Path
) -> None:
    variables = variables_of(epyc6) | {"dx_agent": "shell"}
    names = [f"name{number}" for number in range(8)]
    user = Dispatcher(write_hosts(tmp_path, dict.fromkeys(names, variables)))
    try:
        arguments = ("--repo", str(project), "--beads", "bd-12", "--wait", "--json")
        results = user.run("all", "exit 0", *arguments).document["results"]
    finally:
        user.close()
    branches = [result["branch"] for result in results]
    assert len(set(branches)) == len(names), branches
    assert "dx/bd-12" in branches


def test_a_further_turn_goes_on_in_the_same_worktree(
    user: Dispatcher, epyc6: Vm, project: Path
) -> None:
    first = _result(
        user.run("epyc6", "echo new >new; rm file", "--repo", "~/project", "--wait", "--json")
    )
    session = first["session_id"]
    assert first["branch"] == f"dx/{session}"
    changes = first["changes"]
    assert (changes["commits"], changes["files"], changes["dirty"]) == (0, 2, True)
    line = user.run("--session", session, "cat new", "--wait")
    assert (line.code, line.out) == (0, b"new\n")
    third = _result(user.run("--session", session, COMMIT, "--wait", "--json"))
    assert (third["turn"], third["directory"]) == (3, first["directory"])
    assert (third["changes"]["commits"], third["changes"]["dirty"]) == (1, False)
    assert (project / "file").read_text() == "one\nmine\n"
    assert on_vm(epyc6, "git -C project symbolic-ref HEAD") == "refs/heads/main\n"


def test_a_path_inside_a_repository_leads_to_the_same_place_in_the_worktree(
    user: Dispatcher, epyc6: Vm, project: Path
) -> None:
    answer = user.run("epyc6", "cat file", "--repo", f"{project}/sub/deep", "--wait", "--json")
    result = _result(answer)
    trees = epyc6.home / ".local/state/dxansible/worktrees"
    assert result["directory"] == str(trees / result["session_id"] / "sub/deep")
    assert (result["message"], result["changes"]["no_changes"]) == ("two\n", True)
    assert (result["changes"]["commits"], result["changes"]["files"]) == (0, 0)


@pytest.mark.parametrize(
    ("path", "problem"),
    [("~/plain dir", "not a git repository"), ("~/no such", "is not a directory on this VM")],
)
def test_what_is_no_repository_is_told_and_no_agent_runs(
    user: Dispatcher, epyc6: Vm, path: str, problem: str
) -> None:
    on_vm(epyc6, "mkdir -p 'plain dir'")
    answer = user.run("epyc6", 'touch "$HOME/began"', "--repo", path, "--wait", "--json")
    result = answer.result
    assert (answer.code, result["outcome"], result["reason"]) == (1, "FAILURE", "repo_unusable")
    assert problem in result["error"]
    assert path[2:] in result["error"]
    assert not (epyc6.home / "began").exists()
