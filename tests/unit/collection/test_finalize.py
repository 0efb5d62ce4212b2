"""Rules of the turn that makes a pull request: real git, with real hooks and real rejections."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils import agents
from ansible_collections.dxansible.fleet.plugins.plugin_utils.finalize import (
    Finalize,
    output_author,
    push_of,
    script,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.turn import Trailer

from tests.unit.collection.finalizing import BRANCH, MESSAGE, TWO_SHELLS, Desk
from tests.unit.collection.test_turn import EVERY_SHELL, SESSION

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.sampled("shell"),
    pytest.mark.skipif(not shutil.which("git"), reason="no git"),
]
KEPT = "nothing is pushed, and the changes are still in"


@pytest.fixture
def desk(home: Path) -> Desk:
    return Desk(home)


@pytest.mark.parametrize("shell", EVERY_SHELL)
def test_what_is_left_is_committed_and_pushed_once(desk: Desk, shell: list[str]) -> None:
    desk.write()
    desk.write("new\n", "new file")

    first = desk.finalize(shell=shell)
    second = desk.finalize(shell=shell)

    assert (first.code, second.code) == (0, 0), (first.err, second.err)
    assert desk.pushed() == ["Mend it", "first"]
    assert desk.git(desk.remote, "log", "-1", "--format=%B", BRANCH) == MESSAGE.decode().strip()
    head = desk.git(desk.tree, "rev-parse", "HEAD")
    assert first.end == second.end == Trailer(
        code=0, host="github.com", repository="acme/api", base="main", head=head, gh="absent",
        branch=BRANCH, directory=str(desk.tree),
    )  # fmt: skip
    assert desk.git(desk.tree, "status", "--porcelain") == ""


@pytest.mark.parametrize("shell", EVERY_SHELL)
@pytest.mark.parametrize(
    "subject", ['# it\'s "mine" $(id) `id` \\n $HOME %s', "--help", "Ä\u2028ö", "EOF"]
)
def test_no_shell_reads_the_message(desk: Desk, shell: list[str], subject: str) -> None:
    desk.write()

    ran = desk.finalize(shell=shell, message=f"{subject}\n\nDx-Session: x\n".encode())

    assert (ran.code, ran.out.count(b"\n")) == (0, 1), ran.err
    assert desk.pushed()[0] == subject


@pytest.mark.parametrize("shell", TWO_SHELLS)
def test_nothing_new_is_no_change_and_nothing_is_pushed(desk: Desk, shell: list[str]) -> None:
    ran = desk.finalize(shell=shell)

    text = f"there is nothing to commit, and {BRANCH} has no commits that are not in main"
    assert (ran.code, ran.end.problem, ran.end.message) == (1, "no_changes", text)
    assert desk.pushed() == []


def test_commits_of_the_agent_s_own_are_pushed_as_they_are(desk: Desk) -> None:
    desk.write()
    desk.git(desk.tree, "commit", "-q", "-am", "by the agent")

    assert desk.finalize().code == 0
    assert desk.pushed() == ["by the agent", "first"]


def test_ignored_files_are_left_alone(desk: Desk) -> None:
    desk.write(".env\n", ".gitignore")
    desk.write("secret\n", ".env")

    assert desk.finalize().code == 0
    assert desk.git(desk.remote, "ls-tree", "--name-only", BRANCH) == ".gitignore\nfile"


def test_another_base_counts_from_there(desk: Desk) -> None:
    desk.git(desk.repo, "push", "-q", str(desk.remote), "main:dev/x")
    desk.write()

    assert desk.finalize(base="dev/x").end.base == "dev/x"
    ran = desk.finalize(base="nosuch")
    assert (ran.code, ran.end.problem) == (1, "repo_unusable")
    assert "the base branch nosuch can't be fetched" in str(ran.end.message)
    assert "name another with --base" in str(ran.end.message)


@pytest.mark.parametrize("shell", TWO_SHELLS)
@pytest.mark.parametrize(
    ("address", "host", "repository"),
    [
        ("git@github.com:acme/api", "github.com", "acme/api"),
        ("work:acme/api.git", "github.com", "acme/api"),
        ("ssh://git@ssh.github.com:443/acme/api.git", "github.com", "acme/api"),
        ("ssh://git@GHE.example.org:2222/acme/api.v2.git/", "ghe.example.org", "acme/api.v2"),
        ("git@ghe.example.org:/acme/api.git", "ghe.example.org", "acme/api"),
    ],
)
def test_the_remote_says_where_the_repository_is(
    desk: Desk, shell: list[str], address: str, host: str, repository: str
) -> None:
    for name in ("acme/api", "acme/api.v2.git"):
        link = desk.home / "remotes" / name
        link.symlink_to(desk.remote)
    (desk.programs / "ssh").write_text(
        (desk.programs / "ssh")
        .read_text()
        .replace("sys.argv[-1]", 'sys.argv[-1].replace("\'/", "\'")')
    )
    desk.git(desk.repo, "remote", "set-url", "origin", address)
    desk.write()

    ran = desk.finalize(shell=shell)

    assert (ran.code, ran.end.host, ran.end.repository) == (0, host, repository), ran.err


def test_a_remote_that_is_a_directory_is_pushed_to_and_has_no_repository(desk: Desk) -> None:
    desk.git(desk.repo, "remote", "set-url", "origin", str(desk.remote))
    desk.write()

    ran = desk.finalize()

    assert (ran.code, ran.end.host, ran.end.repository) == (0, None, None)
    assert desk.pushed() == ["Mend it", "first"]


def test_a_password_in_the_remote_s_address_is_never_shown(desk: Desk) -> None:
    address = "https://ann:hunter22@127.0.0.1:9/acme/api.git"
    desk.git(desk.repo, "remote", "set-url", "origin", address)
    desk.write()

    ran = desk.finalize()

    assert (ran.code, ran.end.problem) == (1, "push_failed")
    assert "the remote can't be read" in str(ran.end.message)
    assert "hunter22" not in ran.err + str(ran.end)
    assert desk.git(desk.tree, "log", "-1", "--format=%s") == "Mend it", "the commit stays"


# what can't be


def no_repo(_desk: Desk) -> dict[str, object]:
    return {"repo": None}


def no_tree(desk: Desk) -> None:
    shutil.rmtree(desk.tree)


def detached(desk: Desk) -> None:
    desk.git(desk.tree, "switch", "-q", "--detach")


def no_remote(desk: Desk) -> None:
    desk.git(desk.repo, "remote", "remove", "origin")


def on_the_base(desk: Desk) -> None:
    desk.git(desk.repo, "switch", "-q", "-c", "other")
    desk.git(desk.tree, "switch", "-q", "main")


def conflict(desk: Desk) -> None:
    desk.git(desk.tree, "commit", "-q", "-am", "ours")
    (desk.repo / "file").write_text("three\n")
    desk.git(desk.repo, "commit", "-q", "-am", "theirs")
    with pytest.raises(Exception, match="non-zero"):
        desk.git(desk.tree, "merge", "main")


def no_default(desk: Desk) -> None:
    desk.git(desk.remote, "symbolic-ref", "HEAD", "refs/heads/nosuch")


def no_identity(desk: Desk) -> None:
    (desk.home / ".gitconfig").unlink()


def refused_by_a_hook(desk: Desk) -> None:
    desk.hook(desk.repo, "pre-commit", "echo one; echo 'flake: E501' >&2; exit 1")


def refused_message(desk: Desk) -> None:
    desk.hook(desk.repo, "commit-msg", "echo 'no ticket' >&2; exit 1")


def locked(desk: Desk) -> None:
    (desk.repo / ".git/worktrees" / SESSION / "index.lock").touch()


@pytest.mark.parametrize("shell", TWO_SHELLS)
@pytest.mark.parametrize(
    ("arrange", "problem", "words"),
    [
        (no_repo, "repo_unusable", "was started without --repo"),
        (no_tree, "repo_unusable", "is missing; its commits are still on its branch"),
        (detached, "repo_unusable", "is on no branch (detached head)"),
        (no_remote, "repo_unusable", "no remote called origin; add it there"),
        (on_the_base, "repo_unusable", "is on the base branch main"),
        (conflict, "repo_unusable", "conflicts"),
        (no_default, "repo_unusable", "no default branch; push one, or name another with --base"),
        (no_identity, "commit_failed", "git config --global user.name"),
        (refused_by_a_hook, "commit_failed", "flake: E501"),
        (refused_message, "commit_failed", "no ticket"),
        (locked, "commit_failed", "index.lock"),
    ],
)
def test_what_can_t_be_is_told_and_nothing_is_lost(
    desk: Desk, shell: list[str], arrange: object, problem: str, words: str
) -> None:
    desk.write()
    fields = arrange(desk) or {}  # type: ignore[operator] # one of the above

    ran = desk.finalize(shell=shell, **fields)

    assert (ran.code, ran.end.problem) == (1, problem), ran.err
    assert words in str(ran.end.message)
    assert desk.pushed() == []
    if arrange is not no_tree and arrange is not conflict:
        assert (desk.tree / "file").read_text() == "two\n"


def test_a_hook_that_formats_files_has_its_way(desk: Desk) -> None:
    text = "grep -q formatted file && exit 0; echo formatted >>file; echo was unformatted; exit 1"
    desk.hook(desk.repo, "pre-commit", text)
    desk.write()

    assert desk.finalize().code == 0
    assert desk.git(desk.remote, "show", f"{BRANCH}:file") == "two\nformatted"


def others_commit(desk: Desk) -> None:
    desk.git(desk.repo, "switch", "-q", "-c", "theirs")
    (desk.repo / "theirs").touch()
    desk.git(desk.repo, "add", ".")
    desk.git(desk.repo, "commit", "-q", "-m", "theirs")
    desk.git(desk.repo, "push", "-q", str(desk.remote), f"theirs:{BRANCH}")


def refused_there(desk: Desk) -> None:
    desk.hook(desk.remote, "pre-receive", "echo 'no such day' >&2; exit 1")


def protected(desk: Desk) -> None:
    words = "error: GH006: Protected branch update failed for refs/heads/dx/bd-1."
    desk.hook(desk.remote, "update", f"echo '{words}' >&2; exit 1")


def refused_here(desk: Desk) -> None:
    desk.hook(desk.repo, "pre-push", "echo 'tests fail' >&2; exit 1")


@pytest.mark.parametrize("shell", TWO_SHELLS)
@pytest.mark.parametrize(
    ("arrange", "words"),
    [
        (others_commit, ("rejected", "git pull --rebase")),
        (refused_there, ("pre-receive hook declined", "perhaps a hook")),
        (protected, ("GH006", "use another branch")),
        (refused_here, ("tests fail", "perhaps a hook")),
    ],
)
def test_a_push_that_is_refused_leaves_the_commit(
    desk: Desk, shell: list[str], arrange: object, words: tuple[str, ...]
) -> None:
    desk.write()
    arrange(desk)  # type: ignore[operator] # one of the above
    before = desk.pushed()

    ran = desk.finalize(shell=shell)

    assert (ran.code, ran.end.problem) == (1, "push_failed"), ran.err
    assert [word for word in words if word not in str(ran.end.message)] == []
    assert f"everything is committed on {BRANCH} in {desk.tree}" in str(ran.end.message)
    assert desk.pushed() == before
    assert desk.git(desk.tree, "log", "-1", "--format=%s") == "Mend it"


def test_a_remote_that_does_not_answer_leaves_the_commit(desk: Desk) -> None:
    (desk.programs / "ssh").write_text(
        "#!/bin/sh\necho 'Permission denied (publickey).' >&2; exit 255"
    )
    desk.write()

    ran = desk.finalize()

    assert (ran.code, ran.end.problem) == (1, "push_failed")
    assert "Permission denied (publickey)" in ran.err or "fatal" in str(ran.end.message)
    assert desk.git(desk.tree, "log", "-1", "--format=%s") == "Mend it"


# the parts


def test_the_request_is_json_whatever_the_message_is() -> None:
    message = b'"a" \\ \xff\n\nb\nc\n'
    text = script(Finalize(session=SESSION, message=message, repo="~/a", draft=True))

    request = json.loads(b'{"head":"x",' + text[text.rindex(message) + len(message) :])

    assert request == {
        "head": "x", "title": '"a" \\ \ufffd', "body": "b\nc", "draft": True,
        "maintainer_can_modify": True,
    }  # fmt: skip


def test_a_finalize_speaks_for_itself_and_not_as_the_agent() -> None:
    claude = agents.load_agents()["claude"]

    assert output_author({}, claude) is claude
    assert output_author({"finalize": True}, claude).reports_end is False


def test_a_turn_that_pushed_nothing_has_no_push() -> None:
    assert push_of(Trailer(problem="push_failed")) is None
    assert push_of(Trailer(code=0)) is None
