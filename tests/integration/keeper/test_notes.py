"""A note on a session is written once, by who comes first, and says the same to everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_listing import (
    read_listing,
    read_notes,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_reply import KeeperError

from tests.integration.small_disk import small_disk

if TYPE_CHECKING:
    from tests.integration.keeper.machine import Call, Machine

THREAD = "C09MQGMFKDE 1503435956.000001"


def _note(machine: Machine, text: str, name: str = "slack", **options: object) -> dict[str, str]:
    call = machine.note("s.1", text, name=name, **options)
    return read_notes(call.answer())


def _begin(machine: Machine, number: int) -> Call:
    return machine.note("s.1", f"client{number}", name="slack-end")


def test_the_first_of_many_wins_and_all_are_told_who_that_was(machine: Machine) -> None:
    machine.run("s.1", "true")
    calls = [_begin(machine, number) for number in range(12)]
    answers = [call.answer() for call in calls]
    said = [read_notes(each)["slack-end"] for each in answers]
    made = [number for number, each in enumerate(answers) if each.fields["state"] == "made"]
    assert len(made) == 1
    assert set(said) == {f"client{made[0]}"}
    assert not list(machine.session("s.1").glob(".note*"))


def test_it_tells_all_notes_and_the_listing_has_their_names(machine: Machine) -> None:
    machine.run("s.1", "true")
    assert _note(machine, THREAD) == {"slack": THREAD}
    assert _note(machine, "other") == {"slack": THREAD}
    assert _note(machine, "a1", "slack-end") == {"slack": THREAD, "slack-end": "a1"}
    machine.run("s.2", "true")
    first, second = read_listing(machine.answer("list")).sessions
    assert [sorted(each.notes) for each in (first, second)] == [["slack", "slack-end"], []]
    assert (machine.session("s.1") / "note.slack").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("text", "options", "why"),
    [
        ("", {}, "bad note"),
        ("$(touch pwned)", {}, "bad note"),
        ("a\nb", {}, "bad note"),
        ("a", {"name": "../x"}, "bad name"),
        ("a", {"name": ""}, "bad name"),
        ("abc", {"length": 4}, "did not arrive whole"),
        ("a" * 201, {}, "too long"),
    ],
)
def test_what_is_no_note_is_not_kept(
    dash: Machine, text: str, options: dict[str, object], why: str
) -> None:
    dash.run("s.1", "true")
    with pytest.raises(KeeperError, match=why):
        _note(dash, text, **options)  # type: ignore[arg-type] # the name among them
    assert not list(dash.session("s.1").glob("*note*"))


def test_nothing_is_noted_on_what_is_not_there(dash: Machine) -> None:
    with pytest.raises(KeeperError, match="there is no session"):
        _note(dash, "a1")
    assert not dash.state.exists()


def test_a_note_that_is_damaged_is_still_a_note(machine: Machine) -> None:
    machine.run("s.1", "true")
    for number, garbage in enumerate((b"", b"\xff\0\n", b"$(touch pwned) `id`\n")):
        (machine.session("s.1") / "note.slack").write_bytes(garbage)
        assert _note(machine, f"a{number}") == {"slack": ""}
    (machine.session("s.1") / "note.slack-end").mkdir()
    with pytest.raises(KeeperError, match="cannot write"):
        _note(machine, "a1", "slack-end")


def test_a_full_disk_is_an_error_and_no_claim(machine: Machine) -> None:
    machine.run("s.1", "true")
    session = machine.session("s.1")
    with small_disk(session, "size=4k,nr_inodes=9"):
        filler = session / "filler"
        filler.write_bytes(b"x" * 4096)
        with pytest.raises(KeeperError, match="cannot write"):
            _note(machine, "a1", "slack-end")
        filler.unlink()
        assert _note(machine, "a2", "slack-end") == {"slack-end": "a2"}
