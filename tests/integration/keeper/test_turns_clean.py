"""Turns of agent sessions and their worktrees go together, and never with work in them."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_listing import (
    Cleaned,
    read_cleaned,
)

from tests.integration.keeper.trees import Tree

if TYPE_CHECKING:
    from tests.integration.keeper.machine import Machine

DAY = 86_400


def _git(where: Path, *arguments: str) -> str:
    who = ("-c", "user.name=N", "-c", "user.email=n@example.org", "-c", "init.defaultBranch=main")
    done = subprocess.run(
        ["git", *who, *arguments], cwd=where, check=True, capture_output=True, text=True
    )
    return done.stdout


def _commit(where: Path, name: str) -> None:
    (where / name).write_text(name)
    _git(where, "add", ".")
    _git(where, "commit", "-q", "-m", name)


def _age(machine: Machine, name: str, days: float) -> None:
    then = time.time() - days * DAY
    os.utime(machine.session(name), (then, then))


def _clean(machine: Machine, age: int = 0) -> Cleaned:
    """Clean, after a dry run that has to say the same and leave everything."""
    before = _everything(machine)
    shown = read_cleaned(machine.answer("clean", age=age, turns="yes", dry="yes"))
    assert _everything(machine) == before
    cleaned = read_cleaned(machine.answer("clean", age=age, turns="yes"))
    assert (shown.removable, shown.kept) == (cleaned.removed, cleaned.kept)
    assert shown.removed == cleaned.removable == []
    return Cleaned(
        removed=[name.removeprefix(machine.prefix) for name in cleaned.removed],
        kept={name.removeprefix(machine.prefix): why for name, why in cleaned.kept.items()},
    )


def _everything(machine: Machine) -> set[Path]:
    """Files of the state directory and of git, but for the mark of the clean-up of each hour."""
    files = {*machine.state.rglob("*"), *machine.home.glob("project/.git/refs/**/*")}
    return files - {machine.state / "cleaned"}


@pytest.fixture
def repository(dash: Machine) -> Path:
    """A repository in the home directory, with one commit."""
    repository = dash.home / "project"
    repository.mkdir()
    _git(repository, "init", "-q")
    _commit(repository, "first")
    return repository


def _worktree(machine: Machine, repository: Path, name: str = "ses") -> Path:
    path = machine.state / "worktrees" / f"{machine.prefix}{name}"
    branch = f"dx/{machine.prefix}{name}"
    _git(repository, "worktree", "add", "-q", "-b", branch, str(path))
    return path


def _branches(repository: Path) -> list[str]:
    return _git(repository, "for-each-ref", "--format=%(refname:short)", "refs/heads").split()


def test_turns_go_all_together_when_all_are_old(machine: Machine) -> None:
    for name in ("old.1", "old.2", "new.1", "new.2", "plain"):
        machine.run(name, "echo hi", age=9)  # else its own end, which cleans too, may take "plain"
    for name in ("old.1", "old.2", "new.1", "plain"):
        _age(machine, name, 3.5)
    cleaned = _clean(machine, age=3)
    assert cleaned.removed == ["old"]
    assert cleaned.kept == {"new": "it changed in the last 3 days"}
    assert not machine.session("old.2").exists()
    assert machine.session("new.1").exists()
    assert machine.session("plain").exists()
    assert _clean(machine).removed == ["new"]
    assert machine.session("plain").exists()


def test_a_clean_without_turns_leaves_them(machine: Machine) -> None:
    machine.run("ses.1", "echo hi")
    machine.run("plain", "echo hi")
    for name in ("ses.1", "plain"):
        _age(machine, name, 9)
    machine.run("other", "echo its end cleans up")
    machine.ask("clean")
    assert machine.session("ses.1").exists()
    assert not machine.session("plain").exists()


def test_a_session_with_a_turn_that_runs_or_may_run_is_not_touched(
    dash: Machine, repository: Path
) -> None:
    path = _worktree(dash, repository)
    dash.run("ses.1", "echo hi")
    Tree("").start(dash, "ses.2")
    assert _clean(dash).kept == {"ses": f"{dash.prefix}ses.2 is running"}
    record = dash.session("ses.2") / "supervisor"
    pid, _, boot = record.read_text().split()
    record.write_text(f"{pid} 1 {boot}\n")
    assert _clean(dash).kept == {"ses": f"{dash.prefix}ses.2 is lost"}
    assert dash.session("ses.1").exists()
    assert path.exists()
    assert dash.abort("ses.2").verified
    assert _clean(dash).removed == ["ses"]
    assert not path.exists()


def test_a_worktree_without_work_goes_with_its_branch(machine: Machine) -> None:
    machine.path = f"{machine.path}:{Path(shutil.which('git') or '').parent}"
    repository = machine.home / "project"
    repository.mkdir()
    _git(repository, "init", "-q")
    _commit(repository, "first")
    path = _worktree(machine, repository)
    machine.run("ses.1", "echo hi")
    assert _clean(machine) == Cleaned(removed=["ses"], kept={})
    assert not path.exists()
    assert not machine.session("ses.1").exists()
    assert _branches(repository) == ["main"]


def test_a_worktree_without_turns_goes_too(dash: Machine, repository: Path) -> None:
    path = _worktree(dash, repository)
    assert _clean(dash, age=1).kept == {"ses": "it changed in the last 1 days"}
    assert _clean(dash).removed == ["ses"]
    assert not path.exists()


def _untracked(path: Path) -> None:
    (path / "new").write_text("work")


def _changed(path: Path) -> None:
    (path / "first").write_text("work")


def _committed(path: Path) -> None:
    _commit(path, "work")


def _committed_and_branched(path: Path) -> None:
    _commit(path, "work")
    _git(path, "branch", "dx/another/session")


def _detached(path: Path) -> None:
    _git(path, "checkout", "-q", "--detach")
    _commit(path, "work")


def _bisecting(path: Path) -> None:
    _git(path, "bisect", "start")


def _locked(path: Path) -> None:
    _git(path, "worktree", "lock", ".")


def _with_submodule(path: Path) -> None:
    head = _git(path, "rev-parse", "HEAD").strip()
    _git(path, "update-index", "--add", "--cacheinfo", f"160000,{head},part")
    (path / "part").mkdir()
    _git(path, "commit", "-q", "-m", "part")
    _git(path, "branch", "elsewhere")


WORK = {
    "changes that are in no commit": (_untracked, _changed),
    "commits that are on no other branch": (_committed, _committed_and_branched, _detached),
    "an operation in progress": (_bisecting,),
    "locked working tree": (_locked,),
    "it has submodules": (_with_submodule,),
}


@pytest.mark.parametrize(
    ("why", "work"),
    [(why, work) for why, kinds in WORK.items() for work in kinds],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_work_keeps_the_worktree_and_the_turns(
    dash: Machine, repository: Path, why: str, work: object
) -> None:
    path = _worktree(dash, repository)
    dash.run("ses.1", "echo hi")
    dash.run("other.1", "echo hi")
    assert callable(work)
    work(path)
    before = _branches(repository)
    cleaned = _clean(dash)
    assert cleaned.removed == ["other"]
    assert why in cleaned.kept["ses"]
    assert (path / "first").exists()
    assert dash.session("ses.1").exists()
    assert _branches(repository) == before


def test_work_that_is_on_another_branch_or_a_remote_is_safe(
    dash: Machine, repository: Path
) -> None:
    remote = dash.home / "remote"
    _git(dash.home, "init", "-q", "--bare", str(remote))
    _git(repository, "remote", "add", "origin", str(remote))
    merged, pushed = (_worktree(dash, repository, name) for name in ("merged", "pushed"))
    _commit(merged, "one")
    _git(repository, "merge", "-q", "--ff-only", f"dx/{dash.prefix}merged")
    _commit(pushed, "two")
    _git(pushed, "push", "-q", "origin", "HEAD")
    assert set(_clean(dash).removed) == {"merged", "pushed"}
    assert _branches(repository) == ["main"]


def test_a_branch_with_work_of_its_own_outlives_the_worktree(
    dash: Machine, repository: Path
) -> None:
    path = _worktree(dash, repository)
    _commit(path, "work")
    _git(path, "checkout", "-q", "--detach", "main")
    assert _clean(dash).removed == ["ses"]
    assert not path.exists()
    assert _branches(repository) == [f"dx/{dash.prefix}ses", "main"]


def test_a_worktree_stays_where_git_or_its_repository_is_gone(
    dash: Machine, repository: Path
) -> None:
    path = _worktree(dash, repository)
    _git(dash.home, "init", "-q")
    dash.run("ses.1", "echo hi")
    repository.rename(dash.home / "elsewhere")
    assert _clean(dash).kept == {"ses": "its worktree stays: its repository is gone"}
    (path / ".git").unlink()
    assert _clean(dash).kept == {"ses": "its worktree stays: its repository is gone"}
    tools = dash.home / "tools"
    tools.mkdir()
    for name in ("sort", "rm", "find", "date", "sysctl", "sh"):
        (tools / name).symlink_to(f"/usr/bin/{name}")
    dash.variables["PATH"] = str(tools)
    assert _clean(dash).kept == {"ses": "its worktree stays: git is missing"}
    assert path.exists()
    assert dash.session("ses.1").exists()
