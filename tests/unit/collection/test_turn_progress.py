"""Rules of what is known of a turn."""

from __future__ import annotations

from ansible_collections.dxansible.fleet.plugins.plugin_utils.agents import load_agents
from ansible_collections.dxansible.fleet.plugins.plugin_utils.stream_reader import StreamReader
from ansible_collections.dxansible.fleet.plugins.plugin_utils.turn_choice import TurnProgress

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
