"""Rules of the first states that a detached call reports."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from dxansible.cli.detach import FirstStates
from dxansible.ids import session_on
from dxansible.record import FanoutOutcome, Reason
from dxansible.results import FanoutResult
from dxansible.run.events import (
    CommandRuns,
    Event,
    HostEnded,
    HostFound,
    HostsKnown,
    HostWaits,
    OutputReceived,
)
from dxansible.run.turn_events import TurnUpdate
from tests.unit.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Sequence

SESSION = session_on("cmd_1", "a")
AWAY = HostWaits(host="a", session_id=SESSION, until=90.0, error="a: is it on?")
QUEUED = TurnUpdate(host="a", session_id="ses_1", queued=True)
FAILED = FanoutResult(
    host="a", outcome=FanoutOutcome.FAILURE, reason=Reason.EXIT_NONZERO, error="a: exit code 1",
    session_id=SESSION,
)  # fmt: skip


class Report(io.StringIO):
    """What was reported by the time of the end."""

    text = ""

    def close(self) -> None:
        self.text = self.text or self.getvalue()
        super().close()


def reported(hosts: Sequence[str], *events: Event, rest: FanoutResult | None = None) -> Any:  # noqa: ANN401 - JSON
    report = Report()
    teller = FirstStates(report, "cmd_1")
    run = Telling(teller)
    for news in (HostsKnown(hosts=tuple(hosts)), HostFound(host="a", session_id=SESSION), *events):
        run.handle(news)
    if rest is not None:
        teller.end_all([rest])
    closed = report.closed
    teller.close()
    return [json.loads(line) for line in report.text.splitlines()], closed


@pytest.mark.parametrize(
    ("events", "state", "note"),
    [
        ((AWAY, OutputReceived(host="a")), "waiting", f"until {AWAY.clock_time}: is it on?"),
        ((OutputReceived(host="a"), HostEnded(result=FAILED)), "running", SESSION),
        ((CommandRuns(host="a", starts_s=9),), "running", SESSION),
        ((QUEUED, replace(QUEUED, queued=False, started=True)), "queued", "ses_1"),
        ((HostEnded(result=FAILED),), "FAILURE", "exit code 1"),
        ((HostEnded(result=FanoutResult(host="a", session_id=SESSION)),), "running", SESSION),
    ],
)
def test_only_the_first_state_of_a_host_is_reported(
    events: Sequence[Event], state: str, note: str
) -> None:
    (told,), closed = reported("a", *events)

    assert (told["host"], told["state"], told["note"]) == ("a", state, note)
    assert told["ended"] == (told["reason"] is not None) == (state == "FAILURE")
    assert closed


def test_it_goes_on_until_each_host_has_one() -> None:
    assert reported("ab", AWAY)[1] is False
    told, closed = reported("ab", AWAY, replace(AWAY, host="b"))
    assert ([each["host"] for each in told], closed) == (["a", "b"], True)


def test_an_end_that_no_event_has_told_is_reported_once() -> None:
    (told,), closed = reported("a", rest=FAILED)
    assert (told["state"], told["reason"], closed) == ("FAILURE", "exit_nonzero", True)

    assert len(reported("a", HostEnded(result=FAILED), rest=FAILED)[0]) == 1
    assert len(reported("a", AWAY, rest=FAILED)[0]) == 1
