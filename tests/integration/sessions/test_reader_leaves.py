"""Whoever reads a log may leave before its end: what is said of the session is still true."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.sessions.work import begin
from tests.lab import Fault

if TYPE_CHECKING:
    from tests.integration.dispatcher import Dispatcher
    from tests.integration.sessions.work import Work
    from tests.lab import Vm

pytestmark = pytest.mark.resident

TALK = "seq 1000000 1400000"
"""About three megabytes, which is more than any pipe holds."""


def _first_line(user: Dispatcher, *call: str) -> tuple[bytes, int, str]:
    """What ``head -1`` sees of a call, its exit code, and what it writes to standard error."""
    with user.start(*call) as client:
        assert client.stdout is not None
        assert client.stderr is not None
        line = client.stdout.readline()
        client.stdout.close()
        return line, client.wait(120), client.stderr.read().decode()


@pytest.mark.parametrize("more", [(), ("--follow",)])
@pytest.mark.parametrize(("end", "code"), [("", 0), ("; exit 3", 1)])
def test_a_session_that_has_ended_is_never_called_running(
    user: Dispatcher, more: tuple[str, ...], end: str, code: int
) -> None:
    started = user.run("epyc6", TALK + end, "--wait", "--json")
    session = str(started.result["session_id"])
    line, left, err = _first_line(user, "--logs", session, "--raw", *more)
    assert (line, left) == (b"1000000\n", code)
    assert "running" not in err
    assert ("SUCCESS", "FAILURE")[code] in err


def test_a_session_that_runs_is_called_that(user: Dispatcher, work: Work) -> None:
    session = begin(user, f"{TALK}; {work.task}")
    work.runs()
    line, code, err = _first_line(user, "--logs", session, "--raw")
    assert (line, code) == (b"1000000\n", 0)
    assert "running" in err
    line, code, err = _first_line(user, "--logs", session, "--raw", "--follow")
    assert (line, code) == (b"1000000\n", 130)
    assert "running" in err


@pytest.mark.parametrize(("end", "code"), [("", 0), ("; exit 3", 1)])
def test_a_command_that_has_ended_keeps_its_outcome(user: Dispatcher, end: str, code: int) -> None:
    ran = user.run("epyc6", "--exec", TALK + end, "--json").result
    line, left, err = _first_line(user, "--logs", str(ran["session_id"]))
    assert (line, left) == (b"1000000\n", code)
    assert ("SUCCESS", "FAILURE")[code] in err


def test_a_command_that_runs_is_left_alone(user: Dispatcher, epyc6: Vm) -> None:
    (epyc6.home / "go-on").unlink(missing_ok=True)
    command = f"{TALK}; until [ -e go-on ]; do sleep 0.1; done; echo whole"
    with user.start("epyc6", "--exec", command, "--run-id", "reader_1") as client:
        assert client.stdout is not None
        assert client.stdout.readline() == b"1000000\n"
        client.kill()
    (session,) = (epyc6.home / ".local/state/dxansible/sessions").glob("reader_1-*")
    line, code, _ = _first_line(user, "--logs", session.name)
    assert (line, code) == (b"1000000\n", 130)
    (epyc6.home / "go-on").touch()
    whole = user.run("--logs", session.name)
    assert (whole.code, whole.out.splitlines()[-1]) == (0, b"whole")


def test_where_vms_could_not_be_asked_nobody_says_that_there_are_no_sessions(
    user: Dispatcher, epyc6: Vm
) -> None:
    epyc6.fault(Fault.REFUSE)
    answer = user.run("--sessions", "epyc6")
    assert (answer.code, answer.out) == (3, b"")
    assert answer.err.decode().startswith("  epyc6: ")
