"""Rules of ``--diff``: what a session has changed, as a patch that git can apply."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.sessions.work import await_end, begin, on_vm
from tests.integration.terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Vm

pytestmark = pytest.mark.resident

NAME = "-c user.name=A -c user.email=a@example.org"
ALLOW = "git -c protocol.file.allow=always"
TASK = rf"""
printf 'one\ntwo\n' >file; git {NAME} commit -qam first
git mv long moved; echo more >>moved; git add moved
printf 'a\r\n\033[31mred\377\n' >"new ü.txt"; head -c 5000 /dev/urandom >blob; printf '\000' >>blob
chmod +x script; rm gone; echo never >ignored; ln -s file link
mkdir -p deep/er; echo x >deep/er/'-f'
git init -q nested; echo y >nested/inside
"""


@pytest.fixture
def project(epyc6: Vm) -> Path:
    """A repository on the VM; its configuration would make diffs that no program can read."""
    on_vm(
        epyc6,
        "rm -rf project; git init -q -b main project; cd project; echo one >file; seq 99 >long;"
        f"echo >gone; echo : >script; echo ignored >.gitignore; git add .; git {NAME} commit -qm 1;"
        "git config diff.noprefix true; git config diff.external false;"
        "git config color.ui always; git config diff.context 0",
    )
    return epyc6.home / "project"


def _tree(vm: Vm, directory: str) -> str:
    """The hash of everything in a worktree that git does not ignore."""
    script = (
        f"cd {directory}; rm -rf nested; GIT_INDEX_FILE=$HOME/i; export GIT_INDEX_FILE; git add -A"
    )
    return on_vm(vm, f"{script}; git write-tree; rm $HOME/i")


def test_the_patch_makes_of_the_base_what_the_session_has_made(
    user: Dispatcher, epyc6: Vm, project: Path
) -> None:
    session = begin(user, TASK, "--repo", str(project))
    await_end(epyc6, session)
    worktree = f"{epyc6.home}/.local/state/dxansible/worktrees/{session}"
    look = f"cd {worktree}; git status --porcelain; git count-objects; git for-each-ref"
    before = on_vm(epyc6, look)
    answer = user.run("--diff", session)
    assert (answer.code, b"\x1b[31mred\xff" in answer.out) == (0, True), answer.err
    assert on_vm(epyc6, look) == before
    assert "'nested/' does not have a commit checked out" in answer.err.decode()

    on_vm(epyc6, "rm -rf copy; git clone -q project copy")
    (epyc6.home / "copy.patch").write_bytes(answer.out)
    on_vm(epyc6, "cd copy; git apply ../copy.patch")
    assert _tree(epyc6, "copy") == _tree(epyc6, worktree)
    again = user.run("--diff", session[:12], "--json").result
    assert again["stdout"] == answer.out.decode(errors="replace")

    stat = user.run("--diff", session, "--stat", "--quiet")
    assert (stat.code, "long => moved" in stat.out.decode()) == (0, True)

    with Terminal(user, "--diff", session, columns=80) as terminal:
        assert terminal.finish() == 0
    assert "\x1b[32m+two\x1b[0m" in terminal.text
    assert "\\x1b[31mred" in terminal.text


def test_nothing_of_the_repository_is_run_and_what_the_patch_lacks_is_named(
    user: Dispatcher, epyc6: Vm, project: Path
) -> None:
    on_vm(
        epyc6,
        "rm -rf library; git init -q library; cd library; echo 1 >one; git add .;"
        f"git {NAME} commit -qm 1; cd ../project; {ALLOW} submodule -q add $HOME/library lib;"
        f"git {NAME} commit -qm lib",
    )
    task = f"""
        {ALLOW} submodule -q update --init; echo 2 >>lib/one
        git config filter.spy.clean 'touch $HOME/ran-filter; cat'
        echo 'file filter=spy' >.gitattributes
        hook=$(git rev-parse --git-path hooks)/post-index-change; mkdir -p "${{hook%/*}}"
        printf '#!/bin/sh\ntouch $HOME/ran-hook\n' >"$hook"; chmod +x "$hook"
        echo two >>file
    """
    session = begin(user, task, "--repo", str(project))
    await_end(epyc6, session)
    on_vm(epyc6, "rm -f ran-filter ran-hook")
    answer = user.run("--diff", session)
    assert (answer.code, b"+two" in answer.out) == (0, True), answer.err
    assert not {"ran-filter", "ran-hook"} & set(on_vm(epyc6, "ls").split())
    told = answer.err.decode()
    assert "the submodule lib has changes without a commit" in told
    assert "the filter filter.spy of the repository is not run" in told
    listed = user.run("epyc6", "--sessions", "--json").document["sessions"]
    assert session in {each["session_id"] for each in listed}
    assert not any("--diff" in str(each) for each in listed)


def test_the_base_moves_with_what_the_session_takes_from_the_remote_and_never_past_its_work(
    user: Dispatcher, epyc6: Vm, project: Path
) -> None:
    on_vm(epyc6, f"rm -rf clone; git clone -q {project} clone")
    task = f"echo own >own; git add .; git {NAME} commit -qm own"
    session = begin(user, task, "--repo", "~/clone")
    await_end(epyc6, session)
    on_vm(epyc6, f"cd project; echo theirs >theirs; git add .; git {NAME} commit -qm theirs")
    user.run("--session", session, f"git {NAME} pull -q --rebase origin main", "--wait")
    rebased = user.run("--diff", session, "--stat", "-q").out.decode()
    assert rebased.splitlines()[0].split("|")[0].strip() == "own"
    assert "1 file changed" in rebased

    pushed = user.run("--session", session, "git push -q origin HEAD:refs/heads/main", "--wait")
    assert pushed.code != 0  # main is checked out there
    on_vm(epyc6, "cd project; git checkout -q --detach")
    user.run("--session", session, "git push -q origin HEAD:refs/heads/main", "--wait")
    assert " own " in user.run("--diff", session, "--stat", "-q").out.decode()


def test_a_session_that_has_nothing_to_compare_says_why(
    user: Dispatcher, epyc6: Vm, project: Path
) -> None:
    free = begin(user, "exit 0")
    in_repo = begin(user, "exit 0", "--repo", str(project))
    for session in (free, in_repo):
        await_end(epyc6, session)
    same = user.run("--diff", in_repo)
    assert (same.code, same.out) == (0, b"")
    assert b"it has changed nothing" in same.err
    on_vm(epyc6, "rm -r .local/state/dxansible/worktrees/*")
    unknown = "ses_0123456789abcdef-54150442"
    for session, words in (
        (free, "was started without --repo"),
        (in_repo, "its commits are still on its branch"),
        (unknown, "no session named"),
    ):
        refused = user.run("--diff", session)
        assert (refused.code, refused.out) == (2, b"")
        assert words in refused.err.decode()
