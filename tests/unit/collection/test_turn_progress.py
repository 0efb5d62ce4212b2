"""Rules of what is known of a turn, and of the turns of a session."""

from __future__ import annotations

from ansible_collections.dxansible.fleet.plugins.plugin_utils.agents import load_agents
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper import Entry
from ansible_collections.dxansible.fleet.plugins.plugin_utils.stream_reader import StreamReader
from ansible_collections.dxansible.fleet.plugins.plugin_utils.turn_progress import (
    TurnProgress,
    turns_of,
)

SES = "ses_1-0a1b2c3d"


def test_a_turn_is_known_to_the_keeper_by_its_session_and_its_number() -> None:
    assert TurnProgress(id=SES, turn=12).key == f"{SES}.12"


def test_two_starts_of_a_turn_can_be_told_apart() -> None:
    assert TurnProgress(id=SES).token != TurnProgress(id=SES).token


def test_a_turn_begins_at_its_first_byte() -> None:
    reader = StreamReader(load_agents()["shell"])
    progress = TurnProgress(id=SES, turn=1, out_next=5, err_next=6, reader=reader, started=True)

    progress.begin(2)

    assert (progress.key, progress.out_next, progress.err_next) == (f"{SES}.2", 0, 0)
    assert (progress.reader, progress.started) == (None, True)


def entry(name: str) -> Entry:
    return Entry(name=name, state="exited")


def test_the_turns_of_a_session_are_in_order_and_what_is_none_is_left_out() -> None:
    names = [
        f"{SES}.10", f"{SES}.9", "other.1", f"{SES}.1", "cmd_1-0a1b2c3d", "a.b.1", ".1", "a.",
        "a.0", "a.01", "a.1000000", "a.1x", "a.-1", "",
    ]  # fmt: skip

    turns = turns_of(map(entry, names))

    assert {name: [number for number, _ in each] for name, each in turns.items()} == {
        SES: [1, 9, 10],
        "other": [1],
    }
    assert [found.name for _, found in turns[SES]] == [f"{SES}.1", f"{SES}.9", f"{SES}.10"]
