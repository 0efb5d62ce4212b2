"""Rules of calls about Jules and issues that make no sense, or that a VM takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.services import JulesServer
    from tests.unit.cli.conftest import Person
    from tests.unit.cli.test_command import Answer

    Call = Callable[..., Answer]

pytestmark = pytest.mark.usefixtures("person", "no_pauses")

JID = "1" * 19
WRONG: list[tuple[list[str], str]] = [
    (["--jules"], "there is no task; give one: dx-dispatch --jules"),
    (["--jules", " "], "the task is empty; give one"),
    (["--jules", "here", "work"], "Jules takes no target (here); leave it out"),
    (["--jules", "work", "--agent", "x"], "--agent is of no use with Jules; leave it out"),
    (["--jules", "work", "--repo", "~/app"], "'~/app' is not a GitHub repository; use"),
    (["--jules", "work", "--claim"], "--claim is of no use without --issue"),
    (["--jules", "work", "--template", "x"], "--template is of no use without --issue"),
    (["--jules", "work", "--run-id", "../x"], "can't be an id"),
    (["--jules", "--list"], "--list is of no use with Jules"),
    (["--jules", "work", "--notify-channel", "a b"], "is not a Slack channel id"),
    (["--jules", "--issue", "bd-9"], "Beads has no issue bd-9; did you mean bd-123"),
    (["--jules", "--issue", "-x"], "is not a valid issue id"),
    (["--approve", "ses_1"], "'ses_1' is not the id of a session of Jules"),
    (["--approve", JID, "x"], "--approve takes no further argument (x)"),
    (["--session", JID, "x", "--issue", "bd-123"], "--issue is of no use with a message to"),
    (["--status", JID], f"Jules has no session {JID}; see: dx-dispatch --sessions --jules"),
    (["--session", JID, "x"], f"Jules has no session {JID}"),
    (["--abort", JID], f"Jules has no session {JID}"),
    (
        ["--jules", "work", "--attach-age", "soon"],
        "'soon' is no duration, like 90 (seconds), 10m or",
    ),
    (["--jules", "work", "--attach-age", "-1"], "-1 is no duration of 0 or more"),
    (["--status", JID, "--attach-age", "1d"], "--attach-age is of no use with --status"),
    (["here", "work", "--attach-age", "0"], "--attach-age is of no use with a task for an"),
    (["here", "work", "--branch", "x"], "--branch is of no use with a task for an agent"),
    (["here", "--issue", "bd-123", "--beads", "bd-1"], "are different issues; leave out --beads"),
    (["--list", "--issue", "bd-123"], "--issue is of no use with --list"),
]


@pytest.mark.parametrize(("arguments", "text"), WRONG)
def test_what_makes_no_sense_says_what_to_do(
    call: Call, jules: JulesServer, arguments: list[str], text: str
) -> None:
    answer = call(*arguments)

    assert (answer.code, answer.out) == (2, b"")
    assert text in answer.err
    assert not jules.sessions


@pytest.mark.parametrize("name", ["JULES_API_KEY", "DX_JULES_URL"])
def test_a_setting_that_is_wrong(call: Call, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, {"JULES_API_KEY": " ", "DX_JULES_URL": "http://example.com"}[name])

    answer = call("--jules", "Mend it")

    assert answer.code == 2
    assert ("is not set; create a key" in answer.err) is (name == "JULES_API_KEY")
    assert ("DX_JULES_URL is not an https address" in answer.err) is (name == "DX_JULES_URL")


def test_an_issue_is_a_task_for_a_vm_as_well(call: Call, person: Person) -> None:
    shown = call("here", "--issue", "bd-123", "--dry-run")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.decode().startswith("Work on issue bd-123.\n")

    answer = call("nowhere", "--issue", "123", "--claim")

    assert answer.code == 3
    assert person.beads.issue("bd-123")["status"] == "open"
    (ended,) = person.beads.comments
    assert "on nowhere ended: PREFLIGHT_FAILED" in ended


@pytest.mark.parametrize("target", ["here", "--jules"])
def test_a_dry_run_shows_what_nobody_would_see(call: Call, person: Person, target: str) -> None:
    state = person.beads.state
    state["issues"][0]["description"] = "It is\u200b broken\U000e0101\ufe0f.\u200b"
    person.beads.state = state

    shown = call(target, "--issue", "bd-123", "--dry-run")
    document = call(target, "--issue", "bd-123", "--dry-run", "--json").document

    assert "It is<U+200B> broken<U+E0101><U+FE0F>.<U+200B>" in shown.out.decode()
    assert "reads as they are: 4 (2 x U+200B, 1 x U+E0101, 1 x U+FE0F)" in shown.err
    assert "It is\u200b broken\U000e0101\ufe0f.\u200b" in document["prompt"]
    assert document["invisible_characters"] == {"U+200B": 2, "U+E0101": 1, "U+FE0F": 1}
