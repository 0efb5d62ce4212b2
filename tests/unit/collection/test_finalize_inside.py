"""Rules of what a pull request would lack: repositories inside the worktree, and submodules."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.unit.collection.finalizing import TWO_SHELLS, Desk
from tests.unit.collection.test_turn import EVERY_SHELL

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [
    pytest.mark.sampled("shell"),
    pytest.mark.skipif(not shutil.which("git"), reason="no git"),
]
LIB = "third party/lib, v1"
BEFORE = "nothing is committed or pushed, and the changes are still in"
AFTER = "nothing is pushed, and everything else is committed on"


class Workshop(Desk):
    """A session whose repository has a submodule, in a place with a space and a comma."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.shared = home / "lib.git"
        with (home / ".gitconfig").open("a") as config:
            config.write('[protocol "file"]\nallow = always\n')
        self.git(home, "init", "-q", "--bare", "-b", "main", str(self.shared))
        self.git(home, "clone", "-q", str(self.shared), str(home / "lib"))
        self.commit(home / "lib", "one")
        self.git(home / "lib", "push", "-q", "origin", "HEAD:main")
        self.git(self.tree, "submodule", "--quiet", "add", str(self.shared), LIB)
        self.git(self.tree, "commit", "-q", "-m", "with a submodule")
        self.git(self.tree, "push", "-q", str(self.remote), "HEAD:main")
        self.lib = self.tree / LIB
        self.write()

    def commit(self, place: Path, name: str) -> str:
        """Commit a new file, and give the commit."""
        (place / name).write_text(f"{name}\n")
        self.git(place, "add", name)
        self.git(place, "commit", "-q", "-m", name)
        return self.git(place, "rev-parse", "HEAD")


@pytest.fixture
def desk(home: Path) -> Workshop:
    return Workshop(home)


def file_changed(desk: Workshop) -> None:
    (desk.lib / "one").write_text("two\n")


def file_staged(desk: Workshop) -> None:
    file_changed(desk)
    desk.git(desk.lib, "add", "one")


def file_added(desk: Workshop) -> None:
    (desk.lib / "new").touch()


def file_removed(desk: Workshop) -> None:
    (desk.lib / "one").unlink()


def file_added_that_the_project_ignores(desk: Workshop) -> None:
    desk.git(desk.tree, "config", "-f", ".gitmodules", f"submodule.{LIB}.ignore", "all")
    file_added(desk)


def file_in_a_submodule_that_is_not_checked_out(desk: Workshop) -> None:
    desk.git(desk.tree, "submodule", "--quiet", "deinit", "-f", LIB)
    file_added(desk)


CHANGES = [
    file_changed, file_staged, file_added, file_removed, file_added_that_the_project_ignores,
    file_in_a_submodule_that_is_not_checked_out,
]  # fmt: skip


@pytest.mark.parametrize("shell", TWO_SHELLS)
@pytest.mark.parametrize("arrange", CHANGES)
def test_changes_inside_a_submodule_are_not_left_out(
    desk: Workshop, shell: list[str], arrange: Callable[[Workshop], None]
) -> None:
    arrange(desk)

    ran = desk.finalize(shell=shell)

    assert (ran.code, ran.end.problem) == (1, "work_left_out"), ran.err
    assert ran.end.left_out == (("submodule_changes", LIB),)
    assert f"all of the work: {LIB} (changes inside a submodule); commit" in str(ran.end.message)
    assert f"{BEFORE} {desk.tree}" in str(ran.end.message)
    assert desk.pushed() == []
    assert desk.git(desk.tree, "log", "-1", "--format=%s") == "with a submodule"


def empty(desk: Workshop, place: Path) -> None:
    desk.git(place.parent, "init", "-q", str(place))
    (place / "work").touch()


def cloned(desk: Workshop, place: Path) -> None:
    desk.git(place.parent, "clone", "-q", str(desk.shared), str(place))


def of_a_worktree(desk: Workshop, place: Path) -> None:
    desk.git(desk.repo, "worktree", "add", "-q", "--detach", str(place))


@pytest.mark.parametrize("shell", EVERY_SHELL)
@pytest.mark.parametrize("arrange", [empty, cloned, of_a_worktree])
def test_a_repository_inside_is_not_left_out(
    desk: Workshop, shell: list[str], arrange: Callable[[Workshop, Path], None]
) -> None:
    place = desk.tree / "new" / "50% nested, ü\u2028"
    place.parent.mkdir()
    (place.parent / "beside").touch()
    arrange(desk, place)

    ran = desk.finalize(shell=shell)

    assert (ran.code, ran.end.problem) == (1, "work_left_out"), ran.err
    assert ran.end.left_out == (("nested_repository", f"new/{place.name}"),)
    text = f"new/{place.name} (a nested repository); remove the .git of the nested repository"
    assert text in str(ran.end.message)
    assert BEFORE in str(ran.end.message)
    assert desk.pushed() == []
    assert place.exists()


def test_what_is_inside_is_pushed_once_the_git_of_it_is_away_or_ignored(desk: Workshop) -> None:
    cloned(desk, desk.tree / "a")
    cloned(desk, desk.tree / "b")
    assert desk.finalize().end.problem == "work_left_out"
    shutil.rmtree(desk.tree / "a/.git")
    desk.write("/b\n", ".gitignore")

    assert desk.finalize().code == 0
    assert desk.git(desk.remote, "ls-tree", "-r", "--name-only", "dx/bd-1", "a", "b") == "a/one"


def test_a_repository_that_the_agent_has_committed_as_a_link_is_not_left_out(
    desk: Workshop,
) -> None:
    cloned(desk, desk.tree / "inside")
    desk.git(desk.tree, "add", "--all")
    desk.git(desk.tree, "commit", "-q", "-m", "by the agent")

    ran = desk.finalize()

    assert (ran.code, ran.end.problem) == (1, "work_left_out")
    assert ran.end.left_out == (("nested_repository", "inside"),)
    assert AFTER in str(ran.end.message)
    assert desk.pushed() == []


@pytest.mark.parametrize("shell", TWO_SHELLS)
@pytest.mark.parametrize("protocol", ["2", "0"])
@pytest.mark.parametrize("committed", [True, False])
def test_a_submodule_s_commit_has_to_be_at_its_remote(
    desk: Workshop, shell: list[str], protocol: str, *, committed: bool
) -> None:
    desk.git(desk.home, "config", "--global", "protocol.version", protocol)
    first = desk.commit(desk.lib, "mine")
    desk.commit(desk.lib, "more")
    if committed:
        desk.git(desk.tree, "commit", "-q", "-am", "by the agent")

    refused = desk.finalize(shell=shell)
    desk.git(desk.lib, "push", "-q", "origin", f"{first}:refs/heads/other")
    halfway = desk.finalize(shell=shell)
    desk.git(desk.lib, "push", "-q", "origin", "HEAD:refs/heads/other")
    cloned(desk, desk.home / "theirs")
    desk.git(desk.home / "theirs", "switch", "-q", "other")
    desk.commit(desk.home / "theirs", "later")
    desk.git(desk.home / "theirs", "push", "-q")
    done = desk.finalize(shell=shell)

    for ran in (refused, halfway):
        assert (ran.code, ran.end.problem) == (1, "work_left_out"), ran.err
        assert ran.end.left_out == (("submodule_unpushed", LIB),)
        assert f"{LIB} (a commit that the submodule's remote doesn't have)" in str(ran.end.message)
        assert AFTER in str(ran.end.message)
    assert done.code == 0, done.err
    assert desk.pushed()[-2:] == ["with a submodule", "first"]


def test_a_submodule_s_remote_that_can_t_be_asked_is_no_evidence(desk: Workshop) -> None:
    desk.commit(desk.lib, "mine")
    desk.git(desk.lib, "push", "-q", "origin", "HEAD:refs/heads/mine")
    away = desk.shared.rename(desk.home / "away.git")

    ran = desk.finalize()
    away.rename(desk.shared)

    assert (ran.code, ran.end.left_out) == (1, (("submodule_unchecked", LIB),))
    assert "does not appear to be a git repository" in ran.err
    assert desk.finalize().code == 0


def test_a_commit_that_the_project_s_own_settings_hide_is_not_left_out(desk: Workshop) -> None:
    desk.git(desk.tree, "config", "-f", ".gitmodules", f"submodule.{LIB}.ignore", "all")
    desk.commit(desk.lib, "mine")
    desk.git(desk.lib, "push", "-q", "origin", "HEAD:refs/heads/mine")

    ran = desk.finalize()

    taken = desk.git(desk.tree, "rev-parse", f"HEAD:{LIB}") == desk.git(
        desk.lib, "rev-parse", "HEAD"
    )
    assert ran.code == (0 if taken else 1)
    assert ran.end.left_out == (() if taken else (("submodule_changes", LIB),))


def test_submodules_that_nobody_has_touched_are_not_asked_for(desk: Workshop) -> None:
    desk.shared.rename(desk.home / "away.git")

    assert desk.finalize().code == 0
    desk.git(desk.tree, "rm", "-q", "-f", LIB)
    assert desk.finalize().code == 0


def test_many_are_counted_in_words_and_listed_for_programs(desk: Workshop) -> None:
    for number in range(13):
        empty(desk, desk.tree / f"n{number:02}")

    ran = desk.finalize()

    assert [path for _, path in ran.end.left_out] == [f"n{number:02}" for number in range(13)]
    assert "n09 (a nested repository), and 3 more; remove" in str(ran.end.message)
