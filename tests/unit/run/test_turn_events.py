"""Rules of turning the records about agents' sessions into typed events."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils import turn_verdict, verdict
from ansible_collections.dxansible.fleet.plugins.plugin_utils.evidence import Evidence, NoRecord

from dxansible.evidence import Evidence as OurEvidence
from dxansible.record import Changes, FanoutOutcome, PreflightStatus, Reason
from dxansible.results import CleanResult, SessionInfo, TurnResult
from dxansible.run.events import Event, HostEnded, RetryPlanned, parse
from dxansible.run.turn_events import (
    EndSeen,
    SessionsSeen,
    TurnUpdate,
)
from tests.unit.run import records
from tests.unit.test_turn_results import RECORD

SES = "ses_1-0a1b2c3d"
NO_TURNS = NoRecord(evidence=Evidence.TOLD)
RUNNING: dict[str, Any] = {
    "kind": "turn",
    "id": SES,
    "limit": 1000,
    "turn": 2,
    "agent": "robot",
    "meta": {"agent": "robot", "task": "Fix it", "beads": "bd-1", "native_id": "n1"},
    "text": [["out", "one\n"], ["err", "bad\n"], ["out", "two\n"]],
    "done": False,
    "started": True,
}
FOUND: dict[str, Any] = {
    "message": "All done.",
    "native_id": "n2",
    "directory": "/w",
    "branch": "dx/bd-1",
    "verify_exit_code": 0,
    "commits": 1,
    "files": 2,
    "dirty": True,
    "head": "abc",
}
ENDED = {
    **RUNNING, "done": True, "result": FOUND, "attempts": 3, "duration_ms": 2340, **records.VERDICT,
}  # fmt: skip
RESULT = TurnResult(
    host="epyc6",
    session_id=SES,
    user=None,
    outcome=FanoutOutcome.SUCCESS,
    reason=Reason.OK,
    turn=2,
    agent="robot",
    message="All done.",
    exit_code=0,
    verify_exit_code=0,
    native_id="n2",
    directory="/w",
    branch="dx/bd-1",
    changes=Changes(commits=1, files=2, dirty=True, head="abc"),
    task_summary="Fix it",
    beads="bd-1",
    attempts=3,
    duration_ms=2340,
)
NEWS = TurnUpdate(
    host="epyc6",
    session_id=SES,
    turn=2,
    agent="robot",
    started=True,
    out="one\ntwo\n",
    err="bad\n",
    task="Fix it",
)


def events(record: dict[str, Any], event: str = "runner_on_ok") -> list[Event]:
    return list(parse(json.loads(json.dumps(records.raw(event, record)))))


def result_of(**changes: object) -> TurnResult:
    _, ended = events({**ENDED, **changes})
    assert isinstance(ended, HostEnded)
    assert isinstance(ended.result, TurnResult)
    return ended.result


@pytest.mark.parametrize("event", ["runner_retry", "runner_on_ok"])
def test_a_try_of_a_turn_says_what_is_new(event: str) -> None:
    assert events(RUNNING, event) == [NEWS]


def test_the_last_try_of_a_turn_has_its_result() -> None:
    assert events(ENDED) == [NEWS, HostEnded(result=RESULT)]


def test_a_turn_that_waits_has_no_number_yet() -> None:
    record = {"kind": "turn", "id": SES, "limit": 1, "queued": True, "done": False}

    assert events({**record, "turn": 0, "started": False}) == [
        TurnUpdate(host="epyc6", session_id=SES, turn=0, queued=True)
    ]


def test_a_failed_connection_is_told_of() -> None:
    retry = {"attempt": 1, "failure": "lost", "error": "epyc6: gone"}

    assert events({**RUNNING, "text": [], "retry": retry}, "runner_retry")[1:] == [
        RetryPlanned(host="epyc6", attempt=1, error="epyc6: gone")
    ]


def test_a_turn_that_is_left_to_run_has_no_outcome() -> None:
    result = result_of(**verdict.RUNNING.as_dict(), result=None)

    assert (result.running, result.reason, result.exit_code) == (True, None, None)
    assert (result.task_summary, result.native_id, result.changes) == ("Fix it", "n1", None)


@pytest.mark.parametrize(
    ("verdict", "outcome", "reason"),
    [
        (
            turn_verdict.busy("epyc6", SES, "running"),
            FanoutOutcome.FAILURE,
            Reason.SESSION_BUSY,
        ),
        (
            turn_verdict.unknown("epyc6", SES, NO_TURNS),
            FanoutOutcome.FAILURE,
            Reason.UNKNOWN_SESSION,
        ),
        (
            turn_verdict.no_conversation("epyc6", "robot"),
            FanoutOutcome.FAILURE,
            Reason.NO_CONVERSATION,
        ),
        (
            turn_verdict.wrong_agent("epyc6", "no such agent", Evidence.NEVER_SENT),
            FanoutOutcome.PREFLIGHT_FAILED,
            Reason.AGENT_INVALID,
        ),
    ],
)
def test_a_turn_that_never_began_has_a_verdict_alone(
    verdict: Any,  # noqa: ANN401 - the collection's
    outcome: FanoutOutcome,
    reason: Reason,
) -> None:
    record: dict[str, Any] = {
        "kind": "turn",
        "id": SES,
        "turn": 0,
        "done": True,
        "started": False,
        "attempts": 1,
        **verdict.as_dict(),
    }

    _, ended = events(record, "runner_on_failed")

    assert ended == HostEnded(
        result=TurnResult(
            host="epyc6", session_id=SES, user=None, outcome=outcome, reason=reason,
            error=verdict.error, attempts=1, evidence=OurEvidence(verdict.evidence),
        )
    )  # fmt: skip


@pytest.mark.parametrize("status", list(PreflightStatus))
def test_a_vm_that_was_never_reached_has_the_status_of_its_preflight(
    status: PreflightStatus,
) -> None:
    result = result_of(outcome="PREFLIGHT_FAILED", reason=str(status))

    assert (result.outcome, result.reason) == (FanoutOutcome.PREFLIGHT_FAILED, status)
    assert isinstance(result.reason, PreflightStatus)


def test_every_reason_is_read() -> None:
    for reason in Reason:
        assert result_of(outcome="FAILURE", reason=str(reason)).reason is reason


@pytest.mark.parametrize(
    ("found", "changes"),
    [
        ({}, None),
        ({"commits": None, "files": 3}, None),
        ({"commits": 0}, Changes(commits=0, files=0, dirty=False, head=None)),
    ],
)
def test_changes_are_known_only_where_there_is_a_repository(
    found: dict[str, Any], changes: Changes | None
) -> None:
    assert result_of(result=found).changes == changes


def test_a_list_of_sessions_has_them_all() -> None:
    record = {"kind": "sessions", "sessions": [RECORD], "load": 0.5, "error": None}

    assert events(record) == [
        SessionsSeen(host="epyc6", sessions=(SessionInfo.of("epyc6", RECORD),))
    ]


def test_a_vm_that_did_not_answer_has_no_sessions_but_an_error() -> None:
    error = "epyc6: is it on?"
    record: dict[str, Any] = {"kind": "sessions", "sessions": [], "load": None, "error": error}

    assert events(record, "runner_on_failed") == [
        SessionsSeen(host="epyc6", sessions=(), error="epyc6: is it on?")
    ]


def test_a_clean_up_says_what_was_removed_and_what_was_kept() -> None:
    record = {"kind": "clean", "removed": [SES], "kept": {"ses_2": "has work"}, "error": None}

    assert events(record) == [
        CleanResult(host="epyc6", removed=(SES,), kept={"ses_2": "has work"}, error=None)
    ]


def test_a_record_of_another_kind_says_nothing_of_sessions() -> None:
    assert events({"kind": "of a later version"}) == []


END: dict[str, Any] = {
    "id": SES, "turn": 2, "trail": "0123456789abcdef", "claimed": True, "thread": "C1 1.2",
    "agent": "robot", "meta": {**RUNNING["meta"], "trail": "0123456789abcdef"}, "result": FOUND,
    "duration_ms": 2340, **records.VERDICT,
}  # fmt: skip
SEEN = EndSeen(
    host="epyc6",
    trail="0123456789abcdef",
    claimed=True,
    thread="C1 1.2",
    result=replace(RESULT, attempts=1),
)


def test_an_end_that_is_claimed_is_told_whatever_record_it_is_in() -> None:
    listed = {"kind": "sessions", "sessions": [], "load": None, "error": None, "ends": [END]}
    stopped = {"kind": "stop", "id": SES, **records.VERDICT, "ends": [END]}
    for record in (listed, stopped, RUNNING | {"ends": [END]}, ENDED | {"ends": [END]}):
        seen = list(parse(records.raw("runner_retry", record)))
        assert [each for each in seen if isinstance(each, EndSeen)] == [SEEN]


def test_an_end_is_seen_before_the_result_that_it_decides_about() -> None:
    kinds = [type(each) for each in parse(records.raw("runner_on_ok", ENDED | {"ends": [END]}))]
    assert kinds == [EndSeen, TurnUpdate, HostEnded]


def test_an_end_for_others_to_tell_says_so() -> None:
    other = END | {"claimed": False, "thread": "", "result": {}}
    (seen,) = parse(records.raw("runner_on_ok", {"kind": "clean?", "ends": [other]}))
    assert isinstance(seen, EndSeen)
    assert (seen.claimed, seen.result.branch) == (False, None)
