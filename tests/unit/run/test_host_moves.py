"""Rules of the states of hosts, which the collector tells."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from dxansible.record import FanoutOutcome, HostRecord, PreflightStatus, Reason
from dxansible.results import CleanResult, FanoutResult, PreflightResult, TurnResult
from dxansible.run.events import (
    BatchBegins,
    CommandRuns,
    Event,
    HostEnded,
    HostFound,
    HostMoved,
    HostsKnown,
    HostWaits,
    OutputReceived,
    PreflightDone,
    RetryPlanned,
)
from dxansible.run.host_moves import HostMoves
from dxansible.run.turn_events import HostAlive, SessionsSeen, TurnUpdate
from dxansible.states import HOST_STATES, HostState, StateWarning, Teller, teller

KNOWN = HostsKnown(hosts=("a",))
FOUND = HostFound(host="a", session_id="cmd_1-a")
CHECKED = PreflightDone(result=PreflightResult(host="a", status=PreflightStatus.OK))
UNUSABLE = PreflightDone(
    result=PreflightResult(host="a", status=PreflightStatus.HOST_UNREACHABLE), decides=False
)
AWAY = HostWaits(host="a", session_id="cmd_1-a", until=90.0)
BACK = HostWaits(host="a", session_id="cmd_1-a")
OUTPUT = OutputReceived(host="a", attached=True)
TURN = TurnUpdate(host="a", session_id="ses_1", turn=1, agent="shell", started=True)
SUCCESS = HostEnded(result=FanoutResult(host="a", outcome=FanoutOutcome.SUCCESS))
FAILURE = HostEnded(
    result=HostRecord(
        host="a", outcome=FanoutOutcome.PREFLIGHT_FAILED, reason=PreflightStatus.HOST_UNREACHABLE
    )
)
GOES_ON = TurnResult(host="a", session_id="ses_1", turn=1)


def moves(*events: Event) -> list[HostMoved]:
    run = HostMoves()
    return [each for news in events for each in run.take(news)]


@pytest.mark.parametrize(
    ("events", "states"),
    [
        ((KNOWN, FOUND, CHECKED, OUTPUT, OUTPUT, SUCCESS), "expected found checked started ended"),
        ((BatchBegins(hosts=("a",)), KNOWN, CommandRuns(host="a")), "expected started"),
        ((KNOWN, UNUSABLE, FAILURE), "expected unusable ended"),
        ((KNOWN, AWAY, FOUND, BACK, FOUND, CHECKED), "expected waiting back checked"),
        ((KNOWN, FOUND, CHECKED, FOUND, OUTPUT), "expected found checked started"),
        ((FOUND, AWAY, AWAY, BACK, AWAY, BACK, OUTPUT), "found waiting back waiting back started"),
        ((CommandRuns(host="a", starts_s=9), CommandRuns(host="a", starts_s=8)), "scheduled"),
        ((CommandRuns(host="a", starts_s=9), OUTPUT), "scheduled started"),
        ((OUTPUT, AWAY, BACK, OUTPUT, SUCCESS), "started waiting back started ended"),
        ((replace(TURN, started=False, queued=True), TURN), "queued started"),
        ((TURN, replace(TURN, started=False), replace(TURN, turn=2)), "started started"),
        ((replace(TURN, starts_s=9), TURN), "scheduled started"),
        ((TURN, HostEnded(result=GOES_ON)), "started running"),
        ((HostEnded(result=replace(GOES_ON, starts_s=9)),), "scheduled"),
        ((SessionsSeen(host="a", sessions=()), SessionsSeen(host="a", sessions=(), error="off")),
         "answered silent"),
        ((CleanResult(host="a"),), "answered"),
        ((KNOWN, CHECKED, UNUSABLE, CHECKED), "expected checked unusable checked"),
    ],
)  # fmt: skip
def test_events_move_a_host(events: tuple[Event, ...], states: str) -> None:
    assert [each.state for each in moves(*events)] == states.split()


def test_silence_moves_no_host() -> None:
    retry = RetryPlanned(host="a", attempt=1, error="lost")

    assert moves(OUTPUT, retry, HostAlive(host="a"), retry)[1:] == []


def test_old_news_move_no_host() -> None:
    assert moves(TURN, CHECKED)[1:] == moves(OUTPUT, FOUND)[1:] == []
    assert moves(FAILURE, SessionsSeen(host="a", sessions=(), error="off"))[1:] == []


def test_a_move_has_the_state_before_and_all_earlier_ones() -> None:
    *_, back, again = moves(KNOWN, AWAY, BACK, AWAY)

    assert back.before is HostState.WAITING
    assert back.earlier == {HostState.EXPECTED, HostState.WAITING}
    assert back.is_first
    assert not again.is_first


def test_a_move_has_the_facts_of_its_state() -> None:
    *_, away, _, started, ended = moves(KNOWN, FOUND, AWAY, BACK, OUTPUT, SUCCESS)
    assert (away.until, away.session_id) == (90.0, "cmd_1-a")
    assert (started.attached, started.session_id, started.over) == (True, "cmd_1-a", False)
    assert (ended.over, ended.failed) == (True, False)

    turn, goes_on = moves(TURN, HostEnded(result=GOES_ON))
    assert (turn.turn, turn.agent, turn.session_id) == (1, "shell", "ses_1")
    assert (goes_on.turn, goes_on.over, goes_on.failed) == (1, True, False)


def test_a_scheduled_host_is_over_once_the_call_leaves_it() -> None:
    found = moves(replace(TURN, starts_s=9), HostEnded(result=replace(GOES_ON, starts_s=8)))

    assert [(each.state, each.over, each.is_first) for each in found] == [
        ("scheduled", False, True), ("scheduled", True, False),
    ]  # fmt: skip


def test_any_move_leads_to_what_all_hosts_are_at() -> None:
    run = HostMoves()
    (first, _other) = run.take(HostsKnown(hosts=("a", "b")))
    list(run.take(OUTPUT))

    assert first.hosts is run
    assert (run.state("a"), run.state("b"), run.state("c")) == ("started", "expected", None)
    assert (run.has_work("a"), run.has_work("b"), run.all_have_work()) == (True, False, False)
    list(run.take(HostEnded(result=HostRecord(host="b"))))
    assert run.all_have_work()
    assert run.count({HostState.STARTED, HostState.ENDED}) == 1
    assert not HostMoves().all_have_work()


@pytest.mark.parametrize(
    ("reason", "explained"),
    [(PreflightStatus.HOST_UNREACHABLE, True), (Reason.LOST_CONTACT, False)],
)
def test_a_failed_check_explains_an_end_for_the_same_reason(
    reason: Reason | PreflightStatus, *, explained: bool
) -> None:
    run = HostMoves()
    result = HostRecord(host="a", outcome=FanoutOutcome.PREFLIGHT_FAILED, reason=reason)
    assert not run.explain(result)
    list(run.take(UNUSABLE))
    assert run.explain(result) is explained


ANY = (KNOWN, FOUND, CHECKED, UNUSABLE, AWAY, BACK, OUTPUT, TURN, SUCCESS, FAILURE)


@pytest.mark.parametrize("seed", range(200))
@pytest.mark.filterwarnings("ignore::dxansible.states.StateWarning")
def test_whatever_comes_only_moves_of_the_table_are_told(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same events each time
    run = HostMoves()
    told = [each for _ in range(30) for each in run.take(chance.choice(ANY))]

    for before, move in pairwise(told):
        assert move.before is before.state
        assert not before.over
        assert teller(HOST_STATES, move.state, before.state) is not Teller.NOBODY
    assert run.all_have_work() == run.has_work("a")


@pytest.mark.parametrize(
    "events", [(SUCCESS, OUTPUT), (OUTPUT, UNUSABLE), (SUCCESS, CHECKED)], ids=str
)
def test_a_move_that_no_table_has_is_not_told(events: tuple[Event, Any]) -> None:
    run = HostMoves()
    first, late = events
    list(run.take(first))
    before = run.last("a")

    with pytest.warns(StateWarning, match=r"a: \w+ after \w+"):
        assert list(run.take(late)) == []
    assert run.last("a") is before
