"""A session belongs to its VM: whoever has the inventory and a key can go on with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.sessions.work import begin, read_words, state_of

if TYPE_CHECKING:
    from tests.integration.dispatcher import Dispatcher
    from tests.integration.sessions.work import Work

pytestmark = pytest.mark.resident

SAYING = (
    "printf 'no newline'; printf '\\n\\n\\n  three lines on\\n'; printf 'caf\\303\\251 \\377\\n';"
    " echo aside >&2; i=0; while [ $i -lt 300 ]; do echo $i some more text; i=$((i + 1)); done;"
    " sleep 0.3; printf '\\033[31mred\\033[0m\\r\\n\\n'; printf 'the end'"
)


def test_the_log_is_byte_for_byte_what_was_seen_by_who_waited(
    user: Dispatcher, other: Dispatcher
) -> None:
    seen = user.run("epyc6", SAYING, "--wait")
    (started,) = [
        word.removeprefix("session=")
        for line in seen.err.decode(errors="replace").splitlines()
        if line.startswith("session_started ")
        for word in line.split()
        if word.startswith("session=")
    ]
    logs = other.run("--logs", started, "--raw")
    followed = other.run("--logs", started, "--raw", "--follow")
    assert seen.code == logs.code == followed.code == 0
    assert seen.out == logs.out == followed.out
    assert seen.out.startswith(b"no newline\n\n\n  three lines on\ncaf\xc3\xa9 ")
    assert seen.out.endswith(b"\033[31mred\033[0m\r\n\nthe end")
    for answer in (seen, logs, followed):
        assert answer.err.count(b"aside\n") == 1


@pytest.mark.long
def test_another_machine_lists_follows_resumes_and_aborts(
    user: Dispatcher, other: Dispatcher, work: Work
) -> None:
    session = begin(user, work.task)
    user.drop_connections()
    work.runs()
    assert state_of(other, session) == "running"
    assert other.run("--logs", session, "--raw").out == b"begun\n"
    with other.start("--logs", session, "--raw", "--follow", bufsize=0) as follower:
        assert follower.stdout
        read_words(follower.stdout, b"begun")
        work.end()
        out, _ = follower.communicate(timeout=60)
    assert (follower.returncode, out) == (0, b"\nended\n")
    task = "echo two; exec sleep 600"
    assert other.run("--session", session, task).out == f"{session}\n".encode()
    with user.start("--logs", session, "--raw", "--follow", bufsize=0) as first:
        assert first.stdout
        read_words(first.stdout, b"begun\nended\ntwo")
        assert other.run("--abort", session).code == 0
        first.communicate(timeout=60)
    assert first.returncode == 130
