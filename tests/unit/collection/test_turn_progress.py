"""Rules of what one try of a turn hands on to the next, and of the turns of a session."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils import session
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper import Entry
from ansible_collections.dxansible.fleet.plugins.plugin_utils.session import CommandError, Progress
from ansible_collections.dxansible.fleet.plugins.plugin_utils.turn_progress import (
    TurnProgress,
    turn_texts,
    turns_of,
)

from dxansible.runner.workspace import hand_over

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SES = "ses_1-0a1b2c3d"


@pytest.fixture(autouse=True)
def _new_process() -> Iterator[None]:
    session._LAST_TRIES.clear()
    yield
    session._LAST_TRIES.clear()


def test_a_turn_is_known_to_the_keeper_by_its_session_and_its_number() -> None:
    assert TurnProgress(id=SES, turn=12).key == f"{SES}.12"


def test_two_starts_of_a_turn_can_be_told_apart() -> None:
    assert TurnProgress(id=SES).token != TurnProgress(id=SES).token


def test_the_next_task_goes_on_with_all_that_the_last_one_knew() -> None:
    last = TurnProgress(id=SES, turn=2, agent={"name": "shell"}, reader={"finished": True},
                        limits={"idle": 5.0}, meta={"task": "ä"}, out_next=7)  # fmt: skip
    known = {"turn": {"dx": {"progress": json.loads(json.dumps(last.as_dict()))}}}

    found = TurnProgress.of(SES, "turn", known)

    assert found is not last
    assert found == TurnProgress(**{**last.as_dict(), "turn_began": found.turn_began})


def test_a_command_of_the_same_id_is_no_turn() -> None:
    Progress(id=SES, attempts=5).remember()

    assert TurnProgress.of(SES, "turn", {}).attempts == 1


def test_a_turn_begins_at_its_first_byte() -> None:
    progress = TurnProgress(id=SES, turn=1, out_next=5, err_next=6, reader={"x": 1}, started=True)

    progress.begin(2)

    assert (progress.key, progress.out_next, progress.err_next) == (f"{SES}.2", 0, 0)
    assert (progress.reader, progress.started) == ({}, True)


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


@pytest.mark.parametrize("source", ["", None])
@pytest.mark.parametrize(
    ("variables", "texts"),
    [
        ({"dx_task": "{{ 7*7 }} grün\n"}, ("{{ 7*7 }} grün\n".encode(), b"")),
        ({"dx_task": "a", "dx_verify": "\udcff"}, (b"a", b"\xff")),
        ({"dx_task": "a", "dx_verify": None}, (b"a", b"")),
    ],
)
def test_the_texts_come_from_the_variables_as_they_are(
    variables: dict[str, Any], texts: tuple[bytes, bytes], source: str | None
) -> None:
    assert turn_texts(variables, source) == texts


@pytest.mark.parametrize("verify", [b"", b"make test\n", bytes(range(1, 256)) * 1000])
def test_the_texts_come_from_the_socket_byte_for_byte(tmp_path: Path, verify: bytes) -> None:
    task = b"12\n" + bytes(range(1, 256)) * 1000
    sent = b"%d\n%b%b" % (len(verify), verify, task)

    with hand_over(sent, tmp_path / "text.sock"):
        assert turn_texts({"dx_task": "not this"}, str(tmp_path / "text.sock")) == (task, verify)


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({}, "dx_task is missing or empty; give it as a string"),
        ({"dx_task": None}, "dx_task is missing or empty"),
        ({"dx_task": ["a"]}, "dx_task is missing or empty"),
        ({"dx_task": " \n", "dx_verify": "true"}, "dx_task is missing or empty"),
        ({"dx_task": "a\0b"}, "has a NUL byte, which no agent can take"),
        ({"dx_task": "a", "dx_verify": "\0"}, "dx_task or dx_verify has a NUL byte"),
    ],
)
def test_what_no_agent_can_take_is_no_task(variables: dict[str, Any], complaint: str) -> None:
    with pytest.raises(CommandError, match=complaint):
        turn_texts(variables, None)
