"""A task is handed over once, its id is the result, and its end is told as it was."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.integration.sessions.work import (
    await_end,
    begin,
    processes_of,
    session_of,
    state_of,
    turn_directory,
)

if TYPE_CHECKING:
    from tests.integration.dispatcher import Answer, Dispatcher
    from tests.integration.sessions.work import Work
    from tests.lab import Vm

pytestmark = pytest.mark.resident

FIELDS = {
    "host", "user", "session_id", "turn", "state", "outcome", "reason", "error", "agent",
    "native_id", "message", "asks", "directory", "branch", "changes", "push", "left_out",
    "truncation", "verify_exit_code",
    "exit_code", "stop_verified", "left_running", "task_summary", "beads", "attempts",
    "duration_ms", "resets_at", "starts_s", "usage", "evidence",
}  # fmt: skip


def test_a_start_prints_the_id_alone_and_returns_while_the_task_runs(
    user: Dispatcher, epyc6: Vm, work: Work
) -> None:
    answer = user.run("epyc6", work.task)
    session = session_of(answer)
    assert re.fullmatch(r"ses_[0-9a-f]{16}-[0-9a-f]{8}", session)
    assert b"session_started host=epyc6 session=" + session.encode() in answer.err
    assert b"SUCCESS" not in answer.err
    work.runs()
    assert state_of(user, session) == "running"
    work.end()
    later = user.run("--logs", session, "--raw", "--follow")
    assert (later.code, later.out) == (0, b"begun\nended\n")
    assert b"epyc6  SUCCESS" in later.err
    assert work.turns == [f"{session}.1"]
    assert turn_directory(epyc6, session).stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(("ending", "code"), [("exit 0", 0), ("exit 7", 1), ("kill -KILL $$", 1)])
def test_who_waits_sees_the_text_and_exits_as_the_turn_did(
    user: Dispatcher, ending: str, code: int
) -> None:
    answer = user.run("epyc6", f"printf 'said\n\nlast'; echo aside >&2; {ending}", "--wait")
    assert (answer.code, answer.out) == (code, b"said\n\nlast")
    assert b"\naside\n" in answer.err
    last_line = answer.err.decode().splitlines()[-1]
    assert ("SUCCESS" if code == 0 else "FAILURE") in last_line


def test_the_document_of_a_turn_that_has_ended_has_all_that_is_promised(
    user: Dispatcher, epyc6: Vm
) -> None:
    answer = user.run("epyc6", "echo one; echo two; exit 7", "--wait", "--json", "--beads", "bd-7")
    document, result = answer.document, answer.result
    assert (answer.code, document["schema"], document["exit_code"]) == (1, 1, 1)
    assert document["outcome"] == result["outcome"] == "FAILURE"
    assert set(result) == FIELDS
    assert (result["host"], result["user"], result["agent"]) == ("epyc6", epyc6.user, "shell")
    assert (result["state"], result["reason"], result["exit_code"]) == ("ended", "exit_nonzero", 7)
    assert (result["turn"], result["attempts"], result["left_running"]) == (1, 1, 0)
    assert (result["message"], result["directory"]) == ("one\ntwo\n", str(epyc6.home))
    assert (result["branch"], result["changes"], result["verify_exit_code"]) == (None, None, None)
    assert (result["task_summary"], result["beads"]) == ("echo one; echo two; exit 7", "bd-7")


def test_the_document_of_a_turn_that_runs_has_no_outcome(user: Dispatcher, work: Work) -> None:
    answer = user.run("epyc6", work.task, "--json")
    document, result = answer.document, answer.result
    assert (answer.code, document["outcome"], document["exit_code"]) == (0, None, 0)
    assert set(result) == FIELDS
    assert (result["state"], result["outcome"], result["turn"]) == ("running", None, 1)
    work.runs()
    assert work.turns == [f"{result['session_id']}.1"]


def test_the_deadline_ends_a_turn_with_all_that_it_has_started(user: Dispatcher) -> None:
    task = "setsid sleep 1000 & nohup sleep 1000 & (sleep 1000 &) ; echo begun; sleep 1000"
    answer = user.run("epyc6", task, "--wait", "--timeout", "2", "--json")
    result = answer.result
    assert (answer.code, result["outcome"], result["reason"]) == (124, "TIMEOUT", "deadline")
    assert (result["stop_verified"], result["message"]) == (True, "begun\n")
    assert "use a longer --timeout" in result["error"]
    assert processes_of(result["session_id"]) == []


def test_a_turn_that_says_nothing_new_is_ended(user: Dispatcher) -> None:
    task = "echo begun; setsid sleep 1000 & sleep 1000"
    answer = user.run("epyc6", task, "--wait", "--idle-timeout", "2", "--json")
    result = answer.result
    assert (answer.code, result["outcome"], result["reason"]) == (124, "TIMEOUT", "idle")
    assert (result["stop_verified"], result["message"]) == (True, "begun\n")
    assert "for 2 s (its processes are gone)" in result["error"]
    assert processes_of(result["session_id"]) == []
    assert state_of(user, result["session_id"]) == "timeout"


def test_a_turn_that_goes_on_talking_is_not_idle(user: Dispatcher) -> None:
    task = "for n in 1 2 3 4; do echo $n; sleep 1; done"
    answer = user.run("epyc6", task, "--wait", "--idle-timeout", "2")
    assert (answer.code, answer.out) == (0, b"1\n2\n3\n4\n")


def _refused(user: Dispatcher, epyc6: Vm, agent: str) -> Answer:
    begin(user, "exit 0")  # so that there is a directory of sessions
    sessions = epyc6.home / ".local/state/dxansible/sessions"
    before = set(sessions.iterdir())
    answer = user.run("epyc6", "touch started", "--agent", agent, "--wait", "--json")
    assert (answer.code, answer.result["outcome"]) == (3, "PREFLIGHT_FAILED")
    assert set(sessions.iterdir()) == before
    assert not (epyc6.home / "started").exists()
    return answer


def test_an_agent_that_nobody_has_described_starts_nothing(user: Dispatcher, epyc6: Vm) -> None:
    result = _refused(user, epyc6, "shel").result
    assert result["reason"] == "agent_invalid"
    assert "there is no agent 'shel'; did you mean 'shell'?; known: absent, " in result["error"]


def test_an_agent_that_is_not_installed_starts_nothing_and_the_path_is_told(
    user: Dispatcher, epyc6: Vm
) -> None:
    result = _refused(user, epyc6, "absent").result
    assert result["reason"] == "agent_missing"
    assert "no-such-agent is not on the PATH of sessions there (" in result["error"]
    assert re.search(r"\([^)]*/usr/bin[:)]", result["error"])
    assert "dx_path" in result["error"]


def test_the_document_of_a_host_that_does_not_answer_is_of_the_same_kind(
    user: Dispatcher,
) -> None:
    answer = user.run("epyc7", "do it", "--json")
    result = answer.result
    assert (answer.code, answer.document["outcome"]) == (3, "PREFLIGHT_FAILED")
    assert (result["reason"], set(result)) == ("USER_MAPPING_MISSING", FIELDS)


def test_the_end_of_a_turn_is_not_needed_for_that_of_the_call(
    user: Dispatcher, epyc6: Vm, work: Work
) -> None:
    session = begin(user, work.task)
    user.drop_connections()
    work.runs()
    work.end()
    await_end(epyc6, session)
    assert state_of(user, session) == "succeeded"
