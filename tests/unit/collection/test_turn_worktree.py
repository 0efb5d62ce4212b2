"""Rules of a turn that works in a repository: real git, in a worktree of the session's own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.turn import Trailer, Turn

from tests.unit.collection.test_turn import EVERY_SHELL, SESSION, SHELLS, Ran, of, run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="no git")

IDENTITY = ["-c", "user.name=Feng", "-c", "user.email=feng@example.org"]
COMMIT = "git -c user.name=F -c user.email=f@example.org commit -q"


def makes_worktrees_of_nothing() -> bool:
    if not shutil.which("git"):
        return False
    said = subprocess.run(["git", "--version"], capture_output=True, check=True, text=True).stdout
    return [int(number) for number in re.findall(r"\d+", said)[:2]] >= [2, 42]


def git(place: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *IDENTITY, "-C", str(place), *arguments],
        capture_output=True,
        check=True,
        text=True,
        env={"HOME": str(place), "PATH": os.defpath, "GIT_CONFIG_NOSYSTEM": "1"},
    )
    return done.stdout.strip()


@pytest.fixture
def project(home: Path) -> Path:
    """A repository with one commit on main."""
    place = home / "my project"
    (place / "sub dir").mkdir(parents=True)
    (place / "file").write_text("one\n")
    (place / "sub dir" / "file").write_text("one\n")
    git(place, "init", "-q", "-b", "main")
    git(place, "add", ".")
    git(place, "commit", "-q", "-m", "first")
    return place


def tree_of(home: Path) -> Path:
    return home / ".local" / "state" / "dxansible" / "worktrees" / SESSION


def work(  # noqa: PLR0913 - what differs
    home: Path,
    repo: object,
    command: str = "pwd",
    *,
    branch: str | None = None,
    shell: list[str] = SHELLS["sh"],
    number: int = 1,
    verify: bytes = b"",
) -> Ran:
    turn = of("sh", "-c", command, repo=str(repo), branch=branch, verify=verify)
    return run(home, turn, shell=shell, number=number)


@pytest.mark.parametrize("shell", EVERY_SHELL)
def test_a_session_has_a_worktree_and_a_branch_of_its_own(
    home: Path, project: Path, shell: list[str]
) -> None:
    tree = tree_of(home)

    ran = work(home, project, "pwd; cat file; git branch --show-current", shell=shell)

    branch = f"dx/{SESSION}"
    assert ran.out.decode() == f"{tree}\none\n{branch}\n"
    assert ran.begin == Trailer(directory=str(tree), branch=branch)
    assert ran.end == Trailer(
        code=0, commits=0, files=0, dirty=False, head=git(project, "rev-parse", "main"),
        branch=branch, directory=str(tree),
    )  # fmt: skip
    assert (ran.code, ran.err) == (0, b"")
    assert tree.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("shell", EVERY_SHELL)
@pytest.mark.parametrize("name", ['it\'s "mine" $x', "-n", "two\nlines"])
def test_a_repository_may_have_any_name(
    home: Path, project: Path, shell: list[str], name: str
) -> None:
    project.rename(home / name)

    ran = work(home, home / name, "cat file", shell=shell)

    assert (ran.code, ran.out) == (0, b"one\n")


@pytest.mark.parametrize("shell", EVERY_SHELL)
@pytest.mark.parametrize(
    ("repo", "inside"),
    [
        ("~/my project", ""),
        ("~/my project/sub dir", "/sub dir"),
        ("my project/sub dir/", "/sub dir"),
    ],
)
def test_a_directory_of_a_repository_is_the_same_one_of_the_worktree(
    home: Path, project: Path, shell: list[str], repo: str, inside: str
) -> None:
    assert project.exists()

    ran = work(home, repo, "pwd; cat file", shell=shell)

    assert ran.out.decode() == f"{tree_of(home)}{inside}\none\n"
    assert ran.end.directory == f"{tree_of(home)}{inside}"


def test_the_home_directory_may_be_the_repository(home: Path) -> None:
    git(home, "init", "-q")
    git(home, "commit", "-q", "--allow-empty", "-m", "first")

    assert work(home, "~").begin.directory == str(tree_of(home))


def test_a_further_turn_goes_on_in_the_same_worktree(home: Path, project: Path) -> None:
    work(home, project, f"echo two >file; {COMMIT} -am second; echo >more")

    ran = work(home, project, "cat file; ls", number=2)

    assert ran.out == b"two\nfile\nmore\nsub dir\n"
    assert (ran.end.commits, ran.end.files, ran.end.dirty) == (0, 1, True)
    assert ran.end.branch == f"dx/{SESSION}"


def test_a_branch_that_exists_is_gone_on_with(home: Path, project: Path) -> None:
    git(project, "switch", "-q", "-c", "dx/bd-1")
    (project / "file").write_text("two\n")
    git(project, "commit", "-q", "-am", "second")
    git(project, "switch", "-q", "main")

    ran = work(home, project, "cat file", branch="dx/bd-1")

    assert (ran.out, ran.end.branch, ran.end.commits) == (b"two\n", "dx/bd-1", 0)


@pytest.mark.parametrize("branch", ["dx/bd-1", "main"])
def test_a_branch_that_is_in_use_gives_way_to_one_of_the_session(
    home: Path, project: Path, branch: str
) -> None:
    if branch != "main":
        git(project, "worktree", "add", "-q", "-b", branch, str(home / "another"))

    ran = work(home, project, branch=branch)

    assert (ran.code, ran.end.branch) == (0, f"{branch}-{SESSION}")


def test_a_worktree_that_was_removed_comes_back_with_its_commits(home: Path, project: Path) -> None:
    work(home, project, f"echo two >file; {COMMIT} -am second")
    shutil.rmtree(tree_of(home))

    ran = work(home, project, "cat file", number=2)

    assert (ran.out, ran.end.branch) == (b"two\n", f"dx/{SESSION}")


@pytest.mark.parametrize(
    ("command", "commits", "files", "dirty"),
    [
        ("git status", 0, 0, False),
        ("touch file; cat file", 0, 0, False),
        ("echo two >file", 0, 1, True),
        ("echo two >new", 0, 1, True),
        ("echo two >file; git add file", 0, 1, True),
        (f"echo two >file; {COMMIT} -am second", 1, 1, False),
        (f"{COMMIT} --allow-empty -m second; {COMMIT} --allow-empty -m third", 2, 0, False),
        ("mkdir d; touch d/a d/b; echo d/ >.gitignore", 0, 1, True),
    ],
)
def test_changes_are_counted_since_the_turn_began(  # noqa: PLR0913 - a table
    home: Path, project: Path, command: str, commits: int, files: int, *, dirty: bool
) -> None:
    end = work(home, project, command).end

    assert (end.code, end.commits, end.files, end.dirty) == (0, commits, files, dirty)
    assert end.head == git(tree_of(home), "rev-parse", "HEAD")


@pytest.mark.parametrize("shell", EVERY_SHELL)
def test_commits_and_what_is_not_committed_both_count(
    home: Path, project: Path, shell: list[str]
) -> None:
    command = f"echo two >file; {COMMIT} -am second; git rm -q 'sub dir/file'; echo >new"

    end = work(home, project, command, shell=shell).end

    assert (end.commits, end.files, end.dirty) == (1, 3, True)


def test_changes_of_a_turn_that_failed_count_too(home: Path, project: Path) -> None:
    ran = work(home, project, "echo two >file; exit 3")

    assert (ran.code, ran.end.code, ran.end.files, ran.end.dirty) == (3, 3, 1, True)


def test_the_branch_is_the_one_that_the_agent_left(home: Path, project: Path) -> None:
    assert work(home, project, "git switch -q -c fix").end.branch == "fix"
    assert work(home, project, "git switch -q --detach", number=2).end.branch is None


def test_the_check_is_in_the_worktree_and_its_files_count(home: Path, project: Path) -> None:
    ran = work(home, project, "true", verify=b"pwd; touch report; exit 4")

    assert (ran.code, ran.end.verify, ran.end.files) == (4, 4, 1)
    assert ran.err.decode() == f"{tree_of(home)}\n"


def test_an_agent_may_remove_its_own_worktree(home: Path, project: Path) -> None:
    ran = work(home, project, 'rm -rf "$PWD"')

    assert (ran.code, ran.end.code, ran.end.branch, ran.end.commits) == (0, 0, None, None)


@pytest.mark.skipif(
    not makes_worktrees_of_nothing(), reason="this git makes no worktree without a commit"
)
@pytest.mark.parametrize(
    ("command", "commits", "files", "dirty"),
    [
        (f"echo one >file; git add file; {COMMIT} -m first", 1, 1, False),
        ("echo one >file; git add file", 0, 1, True),
        ("echo one >file", 0, 1, True),
        ("true", 0, 0, False),
    ],
)
def test_changes_in_a_repository_without_a_commit_are_counted_from_nothing(
    home: Path, command: str, commits: int, files: int, *, dirty: bool
) -> None:
    (home / "new").mkdir()
    git(home / "new", "init", "-q")

    end = work(home, "~/new", command).end

    assert (end.commits, end.files, end.dirty) == (commits, files, dirty)
    assert end.head != "HEAD"


# several sessions at once


def test_sessions_that_begin_at_once_have_a_branch_each(home: Path, project: Path) -> None:
    turns = [
        Turn(session=f"ses_{n}-0a1b2c3d", arguments=["pwd"], prompt=b"", repo=str(project),
             branch="dx/bd-1")
        for n in range(3)
    ]  # fmt: skip
    with ThreadPoolExecutor() as pool:
        runs = list(pool.map(lambda turn: run(home, turn), turns))

    assert [ran.code for ran in runs] == [0, 0, 0]
    branches = {str(ran.end.branch) for ran in runs}
    assert len(branches) == 3
    assert "dx/bd-1" in branches
    assert not (tree_of(home).parent / ".lock").exists()


@pytest.mark.parametrize("shell", EVERY_SHELL)
def test_the_lock_of_a_turn_that_was_killed_is_in_nobody_s_way(
    home: Path, project: Path, shell: list[str]
) -> None:
    lock = tree_of(home).parent / ".lock"
    lock.mkdir(parents=True)
    os.utime(lock, (0, 0))

    assert work(home, project, shell=shell).code == 0
    assert not lock.exists()


# what can't begin


@pytest.mark.parametrize("shell", EVERY_SHELL)
def test_a_directory_that_is_not_there_is_told(home: Path, shell: list[str]) -> None:
    ran = work(home, "~/no such", "echo started", shell=shell)

    remedy = "name a git repository there with --repo, in quotes if it begins with ~"
    text = f"{home}/no such is not a directory on this VM; {remedy}"
    assert (ran.code, ran.out, ran.begin) == (1, b"", Trailer())
    assert ran.end == Trailer(problem="repo_unusable", message=text)
    assert ran.err.decode() == f"{text}\n"


@pytest.mark.parametrize("shell", EVERY_SHELL)
def test_a_directory_that_is_no_repository_is_told_in_git_s_words(
    home: Path, shell: list[str]
) -> None:
    ran = work(home, "~", "echo started", shell=shell)

    assert (ran.code, ran.out, ran.end.problem) == (1, b"", "repo_unusable")
    assert "not a git repository" in str(ran.end.message)
    assert not tree_of(home).exists()


def test_a_vm_without_git_is_told_with_its_path(home: Path) -> None:
    programs = home / "bin"
    programs.mkdir()
    for name in ("tr", "sed", "head", "cat"):
        (programs / name).symlink_to(str(shutil.which(name)))

    turn = of("echo", "started", repo="~")
    shell = [str(shutil.which("sh"))]
    ran = run(home, turn, shell=shell, environment={"PATH": str(programs)})

    text = f"git is not on this VM's PATH ({programs})"
    assert (ran.code, ran.end) == (1, Trailer(problem="repo_unusable", message=text))


def test_a_directory_that_is_in_no_commit_is_told(home: Path, project: Path) -> None:
    (project / "new").mkdir()

    ran = work(home, project / "new", "echo started")

    assert (ran.code, ran.out, ran.end.problem) == (1, b"", "repo_unusable")
    assert ran.end.message == "new/ is not in any commit of the branch; commit it first"
