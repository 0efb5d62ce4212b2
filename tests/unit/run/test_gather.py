"""Rules of gathering the events of a run into one result for each host."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from dxansible import verdict
from dxansible.elapsed import now
from dxansible.first_sent import read_stamp
from dxansible.record import FanoutOutcome, HostRecord, PreflightStatus, Reason, Truncation
from dxansible.results import FanoutResult
from dxansible.run.event_log import EventLog
from dxansible.run.events import (
    HostBroken,
    HostsKnown,
    Observer,
    OutputReceived,
    RetryPlanned,
    parse,
)
from dxansible.run.gather import ResultCollector
from dxansible.run.request import KILLED
from tests.unit.hearing import Hearing
from tests.unit.run import records
from tests.unit.run.test_events import SUCCESS, ended

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass
class Diary(Hearing):
    """An observer that writes down what it is told."""

    pages: list[tuple[Any, ...]] = field(default_factory=list)

    def hosts_known(self, hosts: Sequence[str]) -> None:
        self.pages.append(("hosts", *hosts))

    def output(self, host: str, out: bytes, err: bytes) -> None:
        self.pages.append(("output", host, out, err))

    def cut(self, host: str, stdout_bytes: int, stderr_bytes: int) -> None:
        self.pages.append(("cut", host, stdout_bytes, stderr_bytes))

    def ended(self, result: HostRecord) -> None:
        self.pages.append(("finished", result.host, result.outcome))


@dataclass
class Run:
    """A run of which a test tells the events."""

    listener: Hearing = field(default_factory=Hearing)
    checks: bool = False
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        command = None if self.checks else "make test"
        observers: list[Observer] = [EventLog(command=command, log=self.log.append), self.listener]
        self.state = ResultCollector(
            HostRecord if self.checks else FanoutResult, observers, command=command or ""
        )

    def take(self, *raws: dict[str, Any]) -> None:
        for raw in raws:
            for event in parse(raw):
                self.state.handle(event)

    @property
    def result(self) -> FanoutResult:
        result = self.state.results["epyc6"]
        assert isinstance(result, FanoutResult)
        return result


def news(out: bytes = b"", err: bytes = b"", **changes: Any) -> OutputReceived:  # noqa: ANN401 - any field
    return OutputReceived(host="epyc6", limit=1000, out=out, err=err, **changes)


def test_a_result_has_what_all_the_events_of_its_host_said() -> None:
    run = Run()

    run.take(
        records.preflight(),
        records.command(
            "runner_retry", done=False, out=records.stream(b"a"), err=records.stream(b"e")
        ),
        records.command(out=records.stream(b"b"), err=records.stream(b"")),
    )

    assert run.result == FanoutResult(
        outcome=FanoutOutcome.SUCCESS,
        reason=Reason.OK,
        host="epyc6",
        user="feng",
        command_summary="make test",
        attempts=1,
        duration_ms=2340,
        exit_code=0,
        stdout_bytes=b"ab",
        stderr_bytes=b"e",
        session_id="cmd_1-0a1b2c3d",
    )


def test_the_log_has_the_lines_of_the_specification() -> None:
    run = Run()

    run.take(records.preflight(), records.command(stop_verified=None))

    assert run.log == [
        "preflight_ok host=epyc6 user=feng auth_mode=tailscale duration_ms=150",
        'success host=epyc6 user=feng command="make test" attempt=1 duration_ms=2340',
    ]


def test_a_host_that_is_not_reached_has_not_passed_its_preflight() -> None:
    diary = Diary()
    run = Run(listener=diary)
    found = records.PREFLIGHT | {"status": None}
    failed: dict[str, Any] = {
        "outcome": "PREFLIGHT_FAILED",
        "reason": "HOST_UNREACHABLE",
        "error": "epyc6: is it on?",
        "exit_code": None,
        "preflight": found
        | {"status": "HOST_UNREACHABLE", "error": "epyc6: is it on?", "attempts": 2},
    }

    run.take(records.command("runner_retry", done=False, started=False, preflight=found))
    assert (run.log, run.state.known, run.state.unfinished()) == ([], True, ["epyc6"])
    run.take(records.command(**failed))

    (line,) = run.log
    assert "preflight_failed" in line
    assert "status=HOST_UNREACHABLE attempt=2" in line
    assert diary.pages == [("finished", "epyc6", FanoutOutcome.PREFLIGHT_FAILED)]
    assert (run.result.user, run.result.session_id) == ("feng", records.PREFLIGHT["id"])


def test_a_refused_login_is_told_as_a_failed_preflight_and_as_its_outcome() -> None:
    run = Run()
    failed = records.PREFLIGHT | {"status": "AUTH_MODE_INVALID", "error": "refused"}

    run.take(
        records.command(outcome="FAILURE", reason="auth_failed", error="refused", preflight=failed)
    )

    assert [line.split()[0] for line in run.log] == ["preflight_failed", "failure"]


def test_without_a_callback_the_log_goes_its_usual_way(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    observers = [EventLog(command="make test")]
    state = ResultCollector(FanoutResult, observers, command="make test")
    state.handle(SUCCESS)

    assert caplog.messages == ['success host=epyc6 command="make test" attempt=1 duration_ms=2340']


@pytest.mark.parametrize(
    ("outcome", "reason", "line"),
    [
        (FanoutOutcome.FAILURE, Reason.EXIT_NONZERO, "failure host=epyc6"),
        (FanoutOutcome.TIMEOUT, Reason.DEADLINE, "timeout host=epyc6"),
        (FanoutOutcome.ABORTED, Reason.ABORTED, "aborted host=epyc6"),
        (FanoutOutcome.PREFLIGHT_FAILED, PreflightStatus.TIMEOUT, "preflight_failed host=epyc6"),
    ],
)
def test_every_outcome_has_its_event_at_level_error(
    outcome: FanoutOutcome,
    reason: Reason | PreflightStatus,
    line: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    observers = [EventLog(command="make test")]
    state = ResultCollector(FanoutResult, observers, command="make test")
    state.handle(ended(outcome=outcome, reason=reason, error="x"))

    (record,) = caplog.records
    assert record.getMessage().startswith(line)
    assert f"reason={reason}" in record.getMessage()
    assert record.levelno == logging.ERROR


def test_a_failed_preflight_is_the_result_of_the_command_and_is_logged_once() -> None:
    diary = Diary()
    run = Run(listener=diary)

    run.take(records.preflight(status="HOST_UNREACHABLE", error="epyc6: is it on?", attempts=0))

    assert run.result.outcome is FanoutOutcome.PREFLIGHT_FAILED
    assert run.result.reason is PreflightStatus.HOST_UNREACHABLE
    assert (run.result.error, run.result.attempts) == ("epyc6: is it on?", 0)
    (line,) = run.log
    assert line == (
        "preflight_failed host=epyc6 user=feng auth_mode=tailscale status=HOST_UNREACHABLE "
        'duration_ms=150 error="epyc6: is it on?"'
    )
    assert diary.pages == [("finished", "epyc6", FanoutOutcome.PREFLIGHT_FAILED)]


def test_a_run_that_only_checks_has_preflights_and_no_results_of_commands() -> None:
    run = Run(checks=True)

    run.take(records.preflight(status="TIMEOUT", error="epyc6: no answer"))

    assert run.state.preflights["epyc6"].status is PreflightStatus.TIMEOUT
    assert [type(each) for each in run.state.results.values()] == [HostRecord]


def test_output_is_kept_within_the_limit_that_the_host_names() -> None:
    state = ResultCollector(FanoutResult)

    state.handle(replace(news(b"x" * 600 + b"y" * 600), limit=1000))
    state.handle(SUCCESS)

    result = state.results["epyc6"]
    assert result.stdout_bytes == b"x" * 500 + b"y" * 500
    assert result.truncation == Truncation(stdout_bytes=200)


def test_a_retry_is_logged_and_counted_even_if_the_host_then_stays_silent() -> None:
    run = Run()

    run.take(records.preflight())
    run.state.handle(RetryPlanned(host="epyc6", attempt=1, error="epyc6: Connection refused"))
    run.state.end("epyc6", verdict.lost_contact("epyc6: silent"))

    assert run.log[1] == (
        'retry host=epyc6 user=feng command="make test" attempt=1 error="epyc6: Connection refused"'
    )
    assert run.result.attempts == 2


def test_a_run_that_was_killed_is_an_attempt_and_another_goes_on_where_it_was() -> None:
    diary = Diary()
    run = Run(listener=diary)
    run.take(records.preflight())
    run.state.handle(RetryPlanned(host="epyc6", attempt=1, error="epyc6: refused"))
    run.state.handle(news(b"ab", out_total=2))

    run.state.begin_again("epyc6", KILLED, now())
    run.take(records.preflight())
    run.state.handle(news(b"abc", out_total=3))
    run.state.handle(SUCCESS)

    assert [line.partition(" ")[0] for line in run.log] == [
        "preflight_ok", "retry", "retry", "success",
    ]  # fmt: skip
    assert 'attempt=2 error="epyc6: Ansible was killed on this machine"' in run.log[2]
    assert (run.result.attempts, run.result.stdout_bytes) == (3, b"abc")
    outputs = [page for page in diary.pages if page[0] == "output"]
    assert outputs == [("output", "epyc6", b"ab", b""), ("output", "epyc6", b"c", b"")]


def test_a_run_after_a_killed_one_is_told_when_the_call_began() -> None:
    run = Run()
    run.state.handle(HostsKnown(hosts=("epyc6", "macmini")))

    given = run.state.begin_again("epyc6,macmini", KILLED, now() - 60)["dx_first_sent"]

    assert now() - read_stamp(given) == pytest.approx(60, abs=30)


def test_a_host_that_never_said_a_word_has_no_attempt() -> None:
    run = Run()

    run.state.end("epyc6", verdict.lost_contact("epyc6: silent"))

    assert (run.result.attempts, run.result.stop_verified) == (0, None)
    assert run.result.error == "epyc6: silent"


def test_lost_contact_is_logged_with_the_id_to_come_back_by() -> None:
    run = Run()

    run.take(records.preflight())
    run.state.end("epyc6", verdict.lost_contact("epyc6: silent"))

    assert run.log[-1].endswith('reason=lost_contact session=cmd_1-0a1b2c3d error="epyc6: silent"')


def test_a_broken_host_is_a_failure_that_says_so_without_secrets() -> None:
    run = Run()

    run.state.handle(HostBroken(host="epyc6", text="token=hunter2 is no module"))

    assert (run.result.outcome, run.result.reason) == (FanoutOutcome.FAILURE, Reason.VM_ERROR)
    assert run.result.error == "epyc6: Ansible failed: token=*** is no module"
