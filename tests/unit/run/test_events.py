"""Rules of turning raw events into typed ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils import record, verdict
from ansible_collections.dxansible.fleet.plugins.plugin_utils.evidence import Evidence

from dxansible.record import FanoutOutcome, PreflightStatus, Reason, Truncation
from dxansible.results import FanoutResult, PreflightResult
from dxansible.run.events import (
    CommandRuns,
    Event,
    HostBroken,
    HostEnded,
    HostFound,
    HostsKnown,
    OutputReceived,
    PreflightDone,
    RetryPlanned,
    StopAnswered,
    parse,
)
from tests.unit.run import records

RESULT = FanoutResult(
    host="epyc6",
    outcome=FanoutOutcome.SUCCESS,
    reason=Reason.OK,
    exit_code=0,
    attempts=1,
    duration_ms=2340,
    session_id="cmd_1-0a1b2c3d",
)
SUCCESS = HostEnded(result=RESULT)


def ended(**changes: Any) -> HostEnded:  # noqa: ANN401 - any field
    return HostEnded(result=replace(RESULT, **changes))


def only(raw: dict[str, Any]) -> Event:
    (event,) = parse(raw)
    return event


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"event": "playbook_on_start"},
        {"event": "runner_on_start", "event_data": {"host": "epyc6"}},
        {"event": "runner_on_ok"},
        {"event": "runner_on_ok", "event_data": None},
        {"event": "runner_on_ok", "event_data": {"host": "epyc6", "res": None}},
        records.raw("runner_on_skipped", {"kind": "stop"}),
        records.raw("runner_on_ok", None, stdout="of another task"),
        records.raw("runner_on_ok", "of another collection"),
        records.raw("runner_retry", None, msg="of another task"),
        records.raw("runner_on_ok", {"kind": "of a later version"}),
    ],
)
def test_what_is_not_about_an_outcome_says_nothing(raw: dict[str, Any]) -> None:
    assert list(parse(raw)) == []


def test_a_preflight_says_what_was_found() -> None:
    assert only(records.preflight()) == PreflightDone(
        result=PreflightResult(
            status=PreflightStatus.OK,
            host="epyc6",
            user="feng",
            auth_mode="tailscale",
            duration_ms=150,
            attempts=1,
            latency_ms=12,
            capabilities=("gpu", "ml"),
            aliases=("epyc",),
            agent="opencode",
            agent_found=True,
            agent_version="1.18.33",
            load=0.25,
            running=1,
        ),
        session_id="cmd_1-0a1b2c3d",
        slack_channel="C09MQGMFKDE",
    )


def test_a_play_says_which_hosts_there_are() -> None:
    known = records.hosts("epyc6", "macmini")

    assert only(known) == HostsKnown(hosts=("epyc6", "macmini"), slack_channel="C09MQGMFKDE")


@pytest.mark.parametrize("status", list(record.PreflightStatus))
def test_every_status_of_the_collection_is_one_of_ours(status: record.PreflightStatus) -> None:
    event = only(records.preflight(status=str(status), error="what to do"))

    assert isinstance(event, PreflightDone)
    assert (str(event.result.status), event.result.error) == (str(status), "what to do")


def test_a_preflight_that_comes_with_the_first_try_is_told_before_it() -> None:
    retry = {"attempt": 1, "error": "Connection refused"}
    raw = records.command("runner_retry", done=False, preflight=records.PREFLIGHT, retry=retry)

    kinds = [type(event) for event in parse(raw)]
    assert kinds == [PreflightDone, RetryPlanned]


def test_a_host_that_was_not_reached_yet_has_no_preflight_that_is_done() -> None:
    found = records.PREFLIGHT | {"status": None}
    raw = records.command("runner_retry", done=False, preflight=found, started=False)

    (event,) = parse(raw)
    assert event == HostFound(
        host="epyc6",
        user="feng",
        session_id=records.PREFLIGHT["id"],
        slack_channel="C09MQGMFKDE",
    )


def test_a_preflight_decides_unless_an_outcome_comes_with_it() -> None:
    failed = records.PREFLIGHT | {"status": "HOST_UNREACHABLE", "error": "refused"}

    alone = only(records.preflight(status="HOST_UNREACHABLE"))
    (with_outcome, verdict) = parse(records.command(preflight=failed))

    assert isinstance(alone, PreflightDone)
    assert alone.decides
    assert isinstance(with_outcome, PreflightDone)
    assert not with_outcome.decides
    assert isinstance(verdict, HostEnded)


def test_the_collection_has_a_word_for_every_status_of_ours() -> None:
    assert [str(status) for status in record.PreflightStatus] == [
        str(status) for status in PreflightStatus
    ]


def test_a_retry_event_carries_output_while_the_command_runs() -> None:
    event = only(
        records.command(
            "runner_retry",
            done=False,
            out=records.stream(b"a\xff\0", skipped=2, total=5),
            err=records.stream(b"b", total=1),
        )
    )

    assert event == OutputReceived(
        host="epyc6", limit=1000, out=b"a\xff\0", err=b"b", out_skipped=2, out_total=5, err_total=1
    )


def test_output_stays_out_of_the_repr() -> None:
    assert "hunter2" not in repr(OutputReceived(host="a", limit=1, out=b"hunter2", err=b"hunter2"))


def test_a_try_without_output_says_that_the_command_runs() -> None:
    assert only(records.command("runner_retry", done=False)) == CommandRuns(host="epyc6")
    waits = records.command("runner_retry", done=False, started=False)
    assert list(parse(waits)) == []


def test_the_last_try_carries_the_last_output_and_the_verdict() -> None:
    raw = records.command(out=records.stream(b"end"), err=records.stream(b""))

    assert list(parse(raw)) == [
        OutputReceived(host="epyc6", limit=1000, out=b"end"),
        SUCCESS,
    ]


def test_a_connection_that_failed_announces_the_next_attempt() -> None:
    retry = {"attempt": 1, "failure": "unreachable", "error": "epyc6: Connection refused"}

    event = only(records.command("runner_retry", done=False, retry=retry))

    assert event == RetryPlanned(host="epyc6", attempt=1, error="epyc6: Connection refused")


@pytest.mark.parametrize("event", ["runner_on_ok", "runner_on_failed", "runner_retry"])
def test_a_verdict_counts_whatever_event_brings_it(event: str) -> None:
    assert only(records.command(event)) == SUCCESS


def test_a_verdict_keeps_every_word_of_the_record() -> None:
    event = only(
        records.command(
            outcome="TIMEOUT",
            reason="deadline",
            error="epyc6: timed out after 60 s",
            exit_code=None,
            stop_verified=False,
            left_running=3,
            full=True,
            attempts=2,
        )
    )

    assert event == ended(
        outcome=FanoutOutcome.TIMEOUT,
        reason=Reason.DEADLINE,
        error="epyc6: timed out after 60 s",
        exit_code=None,
        stop_verified=False,
        left_running=3,
        attempts=2,
        truncation=Truncation(disk_full=True),
    )


@pytest.mark.parametrize(
    "unreached",
    [verdict.gave_up(failure, "text", "id", Evidence.REFUSED) for failure in verdict.NEVER_THERE],
)
def test_the_reason_of_a_failed_preflight_is_its_status(unreached: record.Verdict) -> None:
    event = only(records.command(**unreached.as_dict()))

    assert isinstance(event, HostEnded)
    assert event.result.outcome is FanoutOutcome.PREFLIGHT_FAILED
    assert event.result.reason is PreflightStatus(str(unreached.reason))


def test_the_answer_to_a_stop_is_marked_as_one() -> None:
    aborted = {"outcome": "ABORTED", "reason": "aborted", "stop_verified": True}
    event = only(records.stop(**aborted, totals=[3, 4]))

    assert isinstance(event, StopAnswered)
    assert (event.stop_verified, event.duration_ms) == (True, 0)
    assert event.totals == (3, 4)


@pytest.mark.parametrize("event", ["runner_on_failed", "runner_on_unreachable"])
@pytest.mark.parametrize(
    ("result", "text"), [({"msg": "no such module"}, "no such module"), ({}, "the task failed")]
)
def test_a_task_that_fails_without_a_record_means_that_the_host_is_broken(
    event: str, result: dict[str, Any], text: str
) -> None:
    assert only(records.raw(event, None, **result)) == HostBroken(host="epyc6", text=text)
