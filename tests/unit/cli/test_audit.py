"""Rules of the trail that a dispatch leaves in Slack, as a user sees them."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dxansible.cli.audit import Audit
from dxansible.record import FanoutOutcome, Reason
from dxansible.results import TurnResult
from dxansible.run.events import HostsKnown, RetryPlanned
from dxansible.services import SlackSettings
from dxansible.slack.trail import Trail
from tests.services import Fault
from tests.services.slack import CHANNEL, api_error
from tests.unit.local_vm import LOCAL, use_inventory

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.services import SlackServer
    from tests.unit.cli.conftest import Person
    from tests.unit.cli.test_command import Answer

    Call = Callable[..., Answer]


pytestmark = pytest.mark.resident


@pytest.fixture
def agent(inventory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The VM has an agent that fails where it is told to."""
    script = '! grep -q "please fail"'
    agent = {"dx_agent": "reader", "dx_agents": {"reader": {"start": ["sh", "-c", script]}}}
    use_inventory(monkeypatch, inventory.with_name("readers.yml"), here=LOCAL | agent)


def notes(slack: SlackServer, number: int) -> list[str]:
    return [each["text"] for each in slack.messages[number]["blocks"][-1]["elements"]]


def test_a_command_has_its_begin_and_its_end(
    call: Call, slack: SlackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USER", "tester")
    answer = call("here", "--exec", "echo a; exit 3", "--run-id", "cmd_x")

    begin, end = slack.messages
    assert answer.code == 1
    assert begin["text"].startswith("tester@")
    assert " dispatched to here | echo a; exit 3 | session cmd_x-" in begin["text"]
    assert notes(slack, 0)[1].startswith("dx-dispatch --logs cmd_x-")
    assert end["text"].startswith("FAILURE: here | here: FAILURE · exit_nonzero · ")
    assert end["thread_ts"] == begin["ts"]
    assert "slack" not in answer.err


@pytest.mark.usefixtures("agent")
def test_a_session_that_is_not_waited_for_has_one_message(call: Call, slack: SlackServer) -> None:
    answer = call("here", "Mend <it> & *all*")

    (begin,) = slack.messages
    session = answer.out.decode().strip()
    assert answer.code == 0
    assert "Mend &lt;it&gt; &amp; *all*" in begin["text"]
    assert begin["blocks"][1]["text"]["text"] == "Mend <it> & *all*"
    assert notes(slack, 0) == [f"session {session}", f"dx-dispatch --logs {session} --follow"]


@pytest.mark.usefixtures("agent")
def test_a_session_that_is_waited_for_has_its_end_too(call: Call, slack: SlackServer) -> None:
    answer = call("here", "please fail", "--wait")

    begin, end = slack.messages
    assert answer.code == 1
    assert end["text"].startswith("FAILURE: here | here: FAILURE · exit_nonzero")
    assert end["thread_ts"] == begin["ts"]


@pytest.mark.usefixtures("person", "no_pauses")
def test_jules_ends_with_its_pull_request(call: Call, slack: SlackServer) -> None:
    answer = call("--jules", "Mend it", "--wait")

    begin, end = slack.messages
    assert answer.code == 0
    assert "dispatched to Jules, for acme/widget | Mend it" in begin["text"]
    assert end["text"].startswith("SUCCESS: Jules, for acme/widget | ok")
    assert notes(slack, 1)[-1] == "https://github.com/acme/widget/pull/7"
    assert end["thread_ts"] == begin["ts"]


@pytest.mark.usefixtures("no_pauses")
def test_jules_that_asks_says_so(call: Call, person: Person, slack: SlackServer) -> None:
    person.jules.states = ["PLANNING", "AWAITING_PLAN_APPROVAL"]
    call("--jules", "Mend it", "--wait")

    assert slack.texts[-1].startswith("needs input: Jules, for acme/widget")
    assert "dx-dispatch --approve" in slack.texts[-1]


@pytest.mark.parametrize("words", [("--exec", "true"), ("Mend it",)])
def test_the_channel_is_the_first_host_s_and_the_environment_comes_before_it(
    call: Call, slack: SlackServer, home: Path, monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
) -> None:  # fmt: skip
    slack.channels |= {"C0FIRST", "C0ENV"}
    first = LOCAL | {"word": "FIRST", "dx_slack_channel": "C0{{ word }}", "dx_agent": "shell"}
    second = LOCAL | {"dx_slack_channel": "C0SECOND", "dx_agent": "shell"}
    use_inventory(monkeypatch, home / "channels.yml", here=first, twin=second)
    call("all", *words)
    assert {each["channel"] for each in slack.messages} == {"C0FIRST"}
    assert all("thread_ts" in each for each in slack.messages[1:])
    slack.messages.clear()
    monkeypatch.setenv("DX_SLACK_CHANNEL", "C0ENV")
    call("all", *words)
    assert {each["channel"] for each in slack.messages} == {"C0ENV"}


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for the inventory's channel as long as a busy machine takes."""
    monkeypatch.setattr("dxansible.slack.opening._CHANNEL_SECONDS", 60)


@pytest.mark.usefixtures("person", "no_pauses", "patience")
@pytest.mark.parametrize(
    ("given", "expected"), [("C0FIRST", "C0FIRST"), ("{{ x }}", CHANNEL), (None, CHANNEL)]
)
def test_the_channel_for_jules_is_that_of_the_inventory_s_first_host(
    call: Call,
    slack: SlackServer,
    monkeypatch: pytest.MonkeyPatch,
    given: str | None,
    expected: str,
) -> None:
    slack.channels |= {"C0FIRST"}
    variables = LOCAL | ({"dx_slack_channel": given} if given else {})
    use_inventory(monkeypatch, Path.home() / "first.yml", here=variables, twin=LOCAL)
    call("--jules", "Mend it", "--wait")

    assert [each["channel"] for each in slack.messages] == [expected] * 2


@pytest.mark.usefixtures("person", "no_pauses")
def test_an_inventory_that_is_broken_does_not_matter_to_jules(
    call: Call, slack: SlackServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "broken.yml").write_text("{")
    monkeypatch.setenv("DX_INVENTORY", str(home / "broken.yml"))
    answer = call("--jules", "Mend it")

    assert (answer.code, slack.messages[0]["channel"]) == (0, CHANNEL)
    assert "slack" not in answer.err


def test_retries_are_told_once_it_has_begun_and_not_too_often(slack: SlackServer) -> None:
    audit = Audit(Trail(settings=SlackSettings.load()), "epyc6", "Mend it", wait=True)
    audit.expect_command("cmd_x")
    assert audit.observers == [audit]
    retry = RetryPlanned(host="epyc6", attempt=1, error="epyc6: token=hunter2 reset; try again")
    audit.handle(retry)
    audit.handle(HostsKnown(hosts=("epyc6",)))
    for attempt in range(2, 9):
        audit.handle(replace(retry, attempt=attempt))
    audit.close()

    begin, *retries = slack.messages
    assert "dispatched to epyc6" in begin["text"]
    assert [each["text"].partition(" | ")[0] for each in retries] == [
        f"trying again (attempt {number}): epyc6" for number in range(2, 7)
    ]
    assert {each["thread_ts"] for each in retries} == {begin["ts"]}
    assert retries[0]["text"].endswith("epyc6: token=*** reset; try again")


@pytest.mark.parametrize("reason", [Reason.LOST_CONTACT, Reason.EXIT_NONZERO])
def test_who_loses_contact_keeps_the_thread_for_the_end_that_is_to_come(
    slack: SlackServer, reason: Reason
) -> None:
    settings = SlackSettings.load()
    trail = Trail(settings=settings)
    audit = Audit(trail, "epyc6", "Mend it", wait=True)
    result = TurnResult(
        host="epyc6", session_id="ses_x", user=None, outcome=FanoutOutcome.FAILURE, reason=reason
    )
    audit.turns([result])
    audit.close()

    assert len(slack.messages) == 2
    assert (settings.spool / f"{trail.id}.thread").exists() is (reason is Reason.LOST_CONTACT)


def test_a_name_that_is_no_host_is_told_as_well(call: Call, slack: SlackServer) -> None:
    assert call("nowhere", "--exec", "true").code == 3
    assert [text.partition(":")[0].partition("@")[2] or text[:16] for text in slack.texts][1:] == [
        "PREFLIGHT_FAILED"
    ]


FAULTS = [
    api_error("invalid_auth"),
    api_error("fatal_error"),
    Fault(),
    Fault(status=429, headers={"Retry-After": "600"}),
    Fault(status=502, body=b"<html></html>"),
]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("command", "code"), [("echo a", 0), ("echo a; exit 3", 1)])
def test_no_failure_of_slack_changes_what_the_call_says(
    call: Call, slack: SlackServer, fault: Fault, command: str, code: int
) -> None:
    slack.fail(fault, times=20)
    answer = call("here", "--exec", command)

    lines = [line for line in answer.err.splitlines() if "slack" in line.lower()]
    assert (answer.code, answer.out) == (code, b"a\n")
    assert len(lines) == 1
    assert slack.token not in answer.err


def test_what_was_kept_goes_with_the_next_dispatch(call: Call, slack: SlackServer) -> None:
    slack.fail(api_error("invalid_auth"), times=20)
    call("here", "--exec", "echo one")
    slack._faults.clear()
    call("here", "--exec", "echo two")

    assert len(slack.texts) == 4
    assert ["one" in text for text in slack.texts[::2]] == [True, False]
    assert [each.get("thread_ts") for each in slack.messages] == [
        None, slack.messages[0]["ts"], None, slack.messages[2]["ts"],
    ]  # fmt: skip


@pytest.mark.usefixtures("agent")
@pytest.mark.parametrize(
    "words",
    [
        ["here", "--exec", "true", "--no-slack"],
        ["here", "Mend it", "--no-slack"],
        ["--list"],
        ["here", "--exec", " "],
    ],
)
def test_nothing_is_posted_where_it_is_not_wanted_or_nothing_is_dispatched(
    call: Call, slack: SlackServer, words: list[str]
) -> None:
    call(*words)

    assert slack.requests == []


def test_without_configuration_there_is_no_noise(call: Call) -> None:
    assert "slack" not in call("here", "--exec", "true").err.lower()
    assert "slack_not_configured" in call("here", "--exec", "true", "-v").err
    asked = call("here", "--exec", "true", "--slack")
    assert asked.code == 0
    assert asked.err.count("slack_not_configured") == 1
    assert "set SLACK_BOT_TOKEN or SLACK_WEBHOOK_URL" in asked.err


def test_an_address_in_the_clear_is_one_line(
    call: Call, slack: SlackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DX_SLACK_URL", "http://slack.com/api")
    answer = call("here", "--exec", "true")

    assert answer.code == 0
    assert "DX_SLACK_URL is not an https address" in answer.err
    assert slack.requests == []


def test_it_is_of_no_use_where_nothing_is_dispatched(call: Call) -> None:
    for words in (["--list"], ["--sessions"], ["--clean"]):
        answer = call(*words, "--slack")
        assert answer.code == 2
        assert "--slack is of no use with" in answer.err


def test_the_token_is_nowhere(
    call: Call, slack: SlackServer, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    slack.fail(api_error("invalid_auth"), times=20)
    answer = call("here", "--exec", f"true {slack.token}", "-v", "--json")

    for path in (home / "state").rglob("*"):
        assert not path.is_file() or slack.token not in path.read_text()
    assert slack.token not in answer.err + caplog.text
    assert slack.token not in "".join(str(body) for _, body in slack.requests)
