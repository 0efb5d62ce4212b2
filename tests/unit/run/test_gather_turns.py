"""Rules of gathering the events of a run over agents' sessions."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dxansible.elapsed import now
from dxansible.record import FanoutOutcome, HostRecord, PreflightStatus, Reason
from dxansible.results import PreflightResult, TurnResult
from dxansible.run.event_log import EventLog
from dxansible.run.events import (
    HostBroken,
    HostEnded,
    HostFound,
    HostsKnown,
    OutputReceived,
    PreflightDone,
    RetryPlanned,
)
from dxansible.run.gather import ResultCollector
from dxansible.run.host_state import HostState
from dxansible.run.request import KILLED, PlayEnd
from dxansible.run.turn_events import TurnUpdate
from tests.unit.hearing import Hearing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dxansible.run.events import Event

SES = "ses_1-0a1b2c3d"
CHECKED = PreflightResult(
    status=PreflightStatus.OK, host="epyc6", user="feng", auth_mode="tailscale", duration_ms=9,
    attempts=1,
)  # fmt: skip
OK = PreflightDone(result=CHECKED, session_id=SES)
DOWN = replace(
    OK, result=replace(CHECKED, status=PreflightStatus.HOST_UNREACHABLE, error="epyc6: is it on?")
)
KNOWN = HostsKnown(hosts=("epyc6", "wsl"))
TAKEN = TurnUpdate(host="epyc6", session_id=SES, turn=1, agent="shell", started=True)
SUCCESS = TurnResult(
    host="epyc6", session_id=SES, user=None, outcome=FanoutOutcome.SUCCESS, reason=Reason.OK,
    turn=1, agent="shell", attempts=1,
)  # fmt: skip
ENDED = HostEnded(result=SUCCESS)


FOUND = HostFound(host="epyc6", user="feng", session_id=SES)


class Notes(Hearing):
    """An observer that writes down what it is told."""

    def __init__(self) -> None:
        self.said: list[tuple[str, ...]] = []
        self.results: list[TurnResult] = []

    def hosts_known(self, hosts: Sequence[str]) -> None:
        self.said.append(("hosts", *hosts))

    def taken(self, host: str, session_id: str) -> None:
        self.said.append(("taken", host, session_id))

    def queued(self, host: str, session_id: str) -> None:
        self.said.append(("queued", host, session_id))

    def cut(self, host: str, stdout_bytes: int, stderr_bytes: int) -> None:
        self.said.append(("cut", host, f"{stdout_bytes}+{stderr_bytes}"))

    def text(self, host: str, out: str, err: str) -> None:
        self.said.append(("text", host, out, err))

    def ended(self, result: HostRecord) -> None:
        assert isinstance(result, TurnResult)
        self.said.append(("finished", result.host))
        self.results.append(result)


def after(*events: Event, watching: bool = False) -> tuple[ResultCollector[TurnResult], Notes]:
    notes = Notes()
    state = ResultCollector(TurnResult, [EventLog(watching=watching), notes])
    for each in events:
        state.handle(each)
    return state, notes


def only(state: ResultCollector[TurnResult]) -> TurnResult:
    (result,) = state.results.values()
    return result


def test_an_observer_is_told_each_thing_once() -> None:
    waiting = TurnUpdate(host="epyc6", session_id=SES, turn=0, queued=True)
    said = replace(TAKEN, out="hello\n", err="no\n", cut=(3, 4))

    _, notes = after(KNOWN, OK, waiting, waiting, TAKEN, said, replace(TAKEN, turn=2), ENDED)

    assert notes.said == [
        ("hosts", "epyc6", "wsl"),
        ("queued", "epyc6", SES),
        ("taken", "epyc6", SES),
        ("cut", "epyc6", "3+4"),
        ("text", "epyc6", "hello\n", "no\n"),
        ("finished", "epyc6"),
    ]


def test_a_result_has_the_user_of_its_preflight() -> None:
    state, notes = after(OK, TAKEN, ENDED)

    assert only(state) == notes.results[0] == replace(SUCCESS, user="feng")
    assert only(after(ENDED)[0]).user is None


def test_results_are_in_the_order_of_the_inventory() -> None:
    other = HostEnded(result=replace(SUCCESS, host="wsl"))

    assert [each.host for each in after(KNOWN, other, ENDED)[0].ordered()] == ["epyc6", "wsl"]
    assert [each.host for each in after(other, ENDED)[0].ordered()] == ["wsl", "epyc6"]


def test_a_failed_preflight_is_the_end_of_the_host() -> None:
    result = only(after(KNOWN, DOWN)[0])

    assert (result.outcome, result.reason) == (
        FanoutOutcome.PREFLIGHT_FAILED,
        PreflightStatus.HOST_UNREACHABLE,
    )
    assert (result.error, result.session_id, result.user) == ("epyc6: is it on?", SES, "feng")


def test_the_session_is_the_one_that_was_named() -> None:
    state = ResultCollector(TurnResult, session="ses_2")

    state.handle(DOWN)

    assert only(state).session_id == "ses_2"


def test_where_ansible_breaks_the_error_has_no_secrets() -> None:
    state, _ = after(OK, TAKEN, HostBroken(host="epyc6", text="token=hunter2"))

    result = only(state)
    assert (result.outcome, result.reason) == (FanoutOutcome.FAILURE, Reason.VM_ERROR)
    assert result.error == "epyc6: Ansible failed: token=***"
    assert (result.turn, result.agent) == (1, "shell")


def test_what_breaks_after_the_end_does_not_matter() -> None:
    assert only(after(OK, ENDED, HostBroken(host="epyc6", text="x"))[0]).error is None


def test_an_error_of_a_vm_has_no_secrets() -> None:
    bad = replace(
        SUCCESS, outcome=FanoutOutcome.FAILURE, reason=Reason.AGENT_ERROR, error="token=x"
    )

    assert only(after(OK, HostEnded(result=bad))[0]).error == "token=***"


def test_who_stops_looking_says_what_is_known() -> None:
    state, _ = after(KNOWN, OK, replace(OK, result=replace(CHECKED, host="wsl")), TAKEN)

    state.detach()
    state.end_silent(PlayEnd(status="canceled", exit_code=254))

    running, unknown = state.ordered()
    assert (running.outcome, running.session_id, running.turn) == (None, SES, 1)
    assert running.error is None
    assert (unknown.outcome, unknown.reason) == (FanoutOutcome.ABORTED, Reason.ABORTED)
    assert unknown.error == "wsl: interrupted before the VM confirmed the task"


def test_who_stops_looking_after_the_end_has_the_end() -> None:
    state, _ = after(HostsKnown(hosts=("epyc6",)), OK, ENDED)

    state.detach()

    assert only(state).outcome is FanoutOutcome.SUCCESS


@pytest.mark.parametrize("events", [(KNOWN, OK, TAKEN), (OK, TAKEN)])
def test_silence_is_never_a_success(events: tuple[Event, ...]) -> None:
    state, _ = after(*events)

    state.end_silent(PlayEnd(status="failed", exit_code=1))

    for result in state.ordered():
        assert (result.outcome, result.reason) == (FanoutOutcome.FAILURE, Reason.LOST_CONTACT)
        assert "Ansible ended (failed) without a result for this host" in str(result.error)


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, record.getMessage()) for record in caplog.records]


@pytest.mark.parametrize(
    ("watching", "levels"),
    [
        (False, ["INFO", "INFO", "WARNING", "INFO"]),
        (True, ["DEBUG", "DEBUG", "WARNING", "DEBUG"]),
    ],
)
def test_the_log_has_the_events_of_a_turn(
    caplog: pytest.LogCaptureFixture, levels: list[str], *, watching: bool
) -> None:
    retry = RetryPlanned(host="epyc6", attempt=1, error="gone")
    with caplog.at_level(logging.DEBUG, "dxansible"):
        after(OK, TAKEN, retry, ENDED, watching=watching)

    assert [record.levelname for record in caplog.records] == levels
    names = [record.getMessage().split()[0] for record in caplog.records]
    start = "session_followed" if watching else "session_started"
    assert names == ["preflight_ok", start, "retry", "success"]


def test_a_failed_preflight_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "dxansible"):
        after(DOWN)

    ((level, text),) = logged(caplog)
    assert level == "ERROR"
    assert text.startswith("preflight_failed")


def test_a_vm_that_is_lost_after_its_preflight_is_logged_whatever_became_of_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    other = replace(OK, result=replace(CHECKED, host="wsl"))
    lost = HostEnded(
        result=replace(
            SUCCESS, host="wsl", outcome=FanoutOutcome.PREFLIGHT_FAILED,
            reason=PreflightStatus.HOST_UNREACHABLE,
        )
    )  # fmt: skip
    with caplog.at_level(logging.ERROR, "dxansible"):
        after(KNOWN, DOWN, other, lost)

    assert [text.split()[:2] for _, text in logged(caplog)] == [
        ["preflight_failed", "host=epyc6"],
        ["preflight_failed", "host=wsl"],
    ]


def test_a_failure_is_an_error_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    bad = replace(SUCCESS, outcome=FanoutOutcome.FAILURE, reason=Reason.VERIFY_FAILED, error="x")
    with caplog.at_level(logging.INFO, "dxansible"):
        after(HostEnded(result=bad))

    ((level, text),) = logged(caplog)
    assert level == "ERROR"
    assert text.startswith("failure")


def test_a_turn_that_goes_on_is_not_logged_as_an_end(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "dxansible"):
        after(HostEnded(result=replace(SUCCESS, outcome=None, reason=None)))

    assert logged(caplog) == []


def test_events_of_other_runs_do_not_matter() -> None:
    state, notes = after(OutputReceived(host="epyc6", limit=1))

    assert (state.results, notes.said) == ({}, [])


def test_nobody_has_to_observe_a_turn() -> None:
    state = ResultCollector(TurnResult)
    waiting = TurnUpdate(host="epyc6", session_id=SES, turn=0, queued=True)

    for each in (KNOWN, OK, waiting, replace(TAKEN, out="x"), ENDED):
        state.handle(each)

    assert only(state).outcome is FanoutOutcome.SUCCESS


def test_a_host_is_known_before_it_is_reached(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    state, _ = after(FOUND)
    assert (state.known, state.preflights, caplog.messages) == (True, {}, [])

    state.detach()

    assert (only(state).session_id, only(state).user) == (SES, "feng")


def test_a_connection_that_fails_is_one_result() -> None:
    reason = PreflightStatus.HOST_UNREACHABLE
    lost = replace(SUCCESS, outcome=FanoutOutcome.PREFLIGHT_FAILED, reason=reason)

    _, notes = after(FOUND, replace(DOWN, decides=False), HostEnded(result=lost))

    assert [result.reason for result in notes.results] == [reason]


def test_a_run_after_a_killed_one_is_told_what_was_shown_and_counts_from_the_first() -> None:
    said = replace(TAKEN, out="one\n", upto=(4, 0))
    state, notes = after(KNOWN, OK, TAKEN, said, TAKEN)
    time.sleep(0.05)
    more = state.begin_again("epyc6", KILLED, now())
    for event in (HostsKnown(hosts=("epyc6",)), TAKEN, ENDED):
        state.handle(event)

    assert more.pop("dx_first_sent")
    assert more == {
        "dx_preflight": False, "dx_may_have_arrived": True, "dx_shown": {"epyc6": [1, 4, 0]},
    }  # fmt: skip
    assert [each[0] for each in notes.said].count("taken") == 1
    assert (notes.results[0].attempts, SUCCESS.duration_ms) == (2, 0)
    assert notes.results[0].duration_ms >= 50


def test_the_next_turn_of_a_followed_session_counts_from_its_own_begin() -> None:
    state = HostState()
    state.began -= 1000
    state.take_turn(TAKEN)
    assert state.duration_ms >= 1_000_000
    state.take_turn(replace(TAKEN, turn=2))

    assert state.duration_ms < 1_000_000
