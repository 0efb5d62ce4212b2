"""Rules of a board: what comes first, and what is told of a VM that does not answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dxansible.record import FanoutOutcome, PreflightStatus
from dxansible.render.board import Board, hosts_board, screenful, sessions_board
from dxansible.results import PreflightResult, SessionInfo
from dxansible.run.turn_events import SessionsSeen
from dxansible.run.watching import Seen
from tests.unit.render.plain import plain

BARE = SessionInfo(host="epyc6", session_id="ses_1", state="running", age_s=10, idle_s=5)
RUNNING = replace(BARE, task="Fix it")
DONE = replace(BARE, session_id="ses_2", state="succeeded", outcome=FanoutOutcome.SUCCESS)
ASKS = replace(DONE, session_id="ses_3", asks=True, message="Shall I?")
FAILED = replace(
    BARE, session_id="ses_4", state="failed", outcome=FanoutOutcome.FAILURE, error="epyc6: no"
)
NEEDS = replace(FAILED, session_id="ses_5", state="needs_input")
LOST = replace(FAILED, session_id="ses_6", state="timeout", outcome=FanoutOutcome.TIMEOUT)
OLD = replace(FAILED, session_id="ses_7", age_s=9999)


def seen(*sessions: SessionInfo, host: str = "epyc6", at: float = 100.0) -> Seen:
    return Seen(host=host, found=SessionsSeen(host=host, sessions=sessions), at=at, heard=at)


def ids(board: Board) -> list[str]:
    return [row[0] for row in board.rows]


def test_what_waits_for_somebody_comes_first_and_then_what_failed_runs_and_has_ended() -> None:
    board = sessions_board([seen(DONE, RUNNING, OLD, FAILED, LOST, ASKS, NEEDS)], 100)

    assert ids(board) == ["ses_3", "ses_5", "ses_4", "ses_6", "ses_7", "ses_1", "ses_2"]
    assert board.title == "1 VM  2 waiting  3 failed  1 running  1 ended"


def test_ages_go_on_between_two_answers() -> None:
    (row,) = sessions_board([seen(RUNNING, at=100)], 130).rows

    assert row[3:5] == ("40s", "35s")


def test_last_words_are_the_message_or_the_error_or_else_the_task() -> None:
    rows = sessions_board([seen(ASKS, FAILED, RUNNING)], 100).rows

    assert [row[-1] for row in rows] == ["Shall I?", "no", "Fix it"]


def test_a_dead_vm_has_a_row_of_its_own_and_keeps_its_sessions() -> None:
    dead = replace(seen(RUNNING, host="epyc6", at=100), error="epyc6: refused; is it on?")
    board = sessions_board([dead, seen(replace(ASKS, host="mac"), host="mac")], 112)

    asks, gone, running = board.rows
    assert (asks[0], asks[2]) == ("ses_3", "succeeded, asks")
    assert gone == ("-", "epyc6", "unreachable", "12s", "-", "-", "refused; is it on?")
    assert running[:4] == ("ses_1", "epyc6", "unreachable", "22s")
    assert running[-1] == "running when epyc6 was last seen"
    assert plain(board.title) == "2 VMs, 1 unreachable  1 waiting  1 running"


def test_a_vm_that_is_silent_for_long_counts_as_dead_and_one_that_was_just_asked_does_not() -> None:
    asked = replace(seen(), waiting=110.0, silent=115.0)

    assert sessions_board([asked], 114).rows == ()
    ((_, host, state, *_, words),) = sessions_board([asked], 116).rows
    assert (host, state, words) == ("epyc6", "unreachable", "no answer for 6s")
    assert (
        sessions_board([Seen(host="epyc6", waiting=110.0, silent=115.0)], 111).title
        == "1 VM  no sessions"
    )


def test_a_session_that_two_names_lead_to_is_there_once() -> None:
    twin = replace(RUNNING, host="twin")

    assert ids(sessions_board([seen(RUNNING), seen(twin, host="twin")], 100)) == ["ses_1"]


UP = PreflightResult(
    status=PreflightStatus.OK, host="epyc6", latency_ms=12, load=0.5, running=2, agent="opencode"
)


def test_hosts_that_can_t_be_reached_come_first() -> None:
    up = Seen(host="epyc6", found=UP, at=100.0, heard=100.0)
    down = Seen(host="mac", error="mac: refused")
    board = hosts_board([up, down], 103)

    assert board.rows == (
        ("mac", "unreachable", "-", "-", "-", "-", "-", "-", "refused"),
        ("epyc6", "OK", "3s", "12 ms", "0.50", "2", "opencode", "-", "-"),
    )
    assert plain(board.title) == "2 VMs, 1 unreachable  2 running"


MANY = sessions_board(
    [
        seen(
            *(replace(RUNNING, session_id=f"ses_{number:03}", age_s=number) for number in range(50))
        )
    ],
    100,
)


@pytest.mark.parametrize(
    ("top", "first", "last"),
    [(0, "ses_000", "ses_016"), (5, "ses_005", "ses_021"), (999, "ses_033", "ses_049")],
)
def test_a_screen_is_full_and_scrolls_to_the_last_row_and_no_further(
    top: int, first: str, last: str
) -> None:
    lines, shown = screenful(MANY, (100, 20), top, None)

    assert len(lines) == 20
    assert (lines[2].split()[0], lines[18].split()[0]) == (first, last)
    assert f"ses_{shown:03}" == first
    assert (lines[-1] == "q quits, arrows scroll  33 above") is (top == 999)


def test_what_keeps_it_from_asking_is_told_below() -> None:
    lines, _ = screenful(MANY, (30, 10), 0, "the inventory\x1b can't be used; mend it")

    assert plain(lines[-1]) == "the inventory\\x1b can't be…"


def test_a_screen_of_a_few_lines_is_no_mistake() -> None:
    for height in (1, 2, 3, 4):
        lines, _ = screenful(MANY, (60, height), 40, None)
        assert len(lines) == height
