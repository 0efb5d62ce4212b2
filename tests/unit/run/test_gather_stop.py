"""Rules of stopping: what its answers add to the results of the run itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from dxansible.errors import EngineError
from dxansible.record import FanoutOutcome, PreflightStatus, Reason
from dxansible.results import FanoutResult, PreflightResult
from dxansible.run.events import HostBroken, PreflightDone, StopAnswered, parse
from dxansible.run.gather import ResultCollector
from dxansible.run.stops import answer_of, stop_unfinished
from tests.unit.run import records
from tests.unit.run.test_events import SUCCESS
from tests.unit.run.test_gather import Diary, Run, news

if TYPE_CHECKING:
    from dxansible.run.calls import CommandCall

STOPPED = StopAnswered(
    host="epyc6",
    outcome=FanoutOutcome.ABORTED,
    reason=Reason.ABORTED,
    error="epyc6: aborted",
    stop_verified=True,
    session_id="cmd_1-0a1b2c3d",
)
HAD_ENDED = replace(
    STOPPED, outcome=FanoutOutcome.SUCCESS, reason=Reason.OK, exit_code=0, error="epyc6: had ended"
)


def test_a_host_that_broke_or_failed_a_check_has_not_answered_a_stop() -> None:
    failed = PreflightResult(status=PreflightStatus.TIMEOUT, host="epyc6", error="epyc6: no answer")
    for event, why in (
        (HostBroken(host="epyc6", text="a wrong record"), "Ansible failed: a wrong record"),
        (PreflightDone(result=failed), "no answer"),
    ):
        run = Run()

        run.state.handle(answer_of(event, lambda host: f"cmd_1-{host}"))

        result = run.result
        assert (result.outcome, result.reason) == (FanoutOutcome.FAILURE, Reason.LOST_CONTACT)
        assert result.stop_verified is False
        assert f"({why})" in str(result.error)
        assert "try again: dx-dispatch --abort cmd_1-epyc6" in str(result.error)


class Unstoppable:
    """A command, and a machine on which Ansible can't stop it."""

    pattern, run_id = "all", "cmd_1"

    def end(self) -> frozenset[str]:
        return frozenset()

    def stop(self, limit: str) -> Any:  # noqa: ANN401 - never returns
        raise EngineError(f"no Ansible for {limit}", "install it")


def test_hosts_that_ansible_can_not_ask_have_not_answered_a_stop() -> None:
    state, call = ResultCollector(FanoutResult), cast("CommandCall", Unstoppable())
    with pytest.raises(EngineError, match="no Ansible for all"):
        stop_unfinished(call, state)
    for event in parse(records.hosts("epyc6")):
        state.handle(event)

    assert stop_unfinished(call, state) is None

    (result,) = state.results.values()
    assert (result.reason, result.stop_verified) == (Reason.LOST_CONTACT, False)
    assert "(no Ansible for epyc6; install it)" in str(result.error)


def test_a_verified_abort_keeps_the_attempts_of_the_run_itself() -> None:
    state = ResultCollector(FanoutResult)

    state.handle(news(b"half"))
    state.handle_stop(replace(STOPPED, attempts=9))

    result = state.results["epyc6"]
    assert (result.outcome, result.stop_verified) == (FanoutOutcome.ABORTED, True)
    assert (result.attempts, result.stdout_bytes) == (1, b"half")


def test_a_command_that_had_ended_before_the_abort_keeps_its_outcome() -> None:
    state = ResultCollector(FanoutResult)

    state.handle_stop(HAD_ENDED)

    result = state.results["epyc6"]
    assert (result.outcome, result.reason) == (FanoutOutcome.SUCCESS, Reason.OK)
    assert result.error == "epyc6: had ended"
    assert (result.stop_verified, result.exit_code) == (True, 0)


def test_a_result_that_is_known_is_not_changed_by_a_stop() -> None:
    state = ResultCollector(FanoutResult)

    state.handle(SUCCESS)
    state.handle_stop(STOPPED)
    state.handle_stop(HostBroken(host="macmini", text="not a verdict"))

    assert state.results["epyc6"].outcome is FanoutOutcome.SUCCESS
    assert set(state.results) == {"epyc6"}


def test_a_stop_tells_of_hosts_that_the_run_itself_had_not_come_to() -> None:
    diary = Diary()
    run = Run(listener=diary)

    for raw in (records.hosts("epyc6", "macmini"), records.preflight()):
        for event in parse(raw):
            run.state.handle_stop(event)

    assert diary.pages == [("hosts", "epyc6", "macmini")]
    assert run.state.unfinished() == ["epyc6", "macmini"]
    assert run.log == []


def test_a_stop_does_not_change_what_the_run_itself_has_told() -> None:
    run = Run()
    run.take(records.hosts("epyc6"), records.preflight(user="feng"))

    for raw in (records.hosts("epyc6", "macmini"), records.preflight(user="root")):
        for event in parse(raw):
            run.state.handle_stop(event)

    assert run.state.hosts == ("epyc6",)
    assert run.state.preflights["epyc6"].user == "feng"


def test_a_stop_tells_who_a_host_is_that_the_run_had_not_come_to() -> None:
    run = Run()
    found = records.PREFLIGHT | {"status": None}

    for user in ("feng", "root"):
        aborted = {"outcome": "ABORTED", "reason": "aborted"}
        for event in parse(records.stop(preflight=found | {"user": user}, **aborted)):
            run.state.handle_stop(event)

    assert run.state.results["epyc6"].user == "feng"
    assert run.log[0].startswith("aborted host=epyc6 user=feng")
