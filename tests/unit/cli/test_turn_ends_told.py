"""What a VM says of a thread of Slack, which may be anything."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest

from dxansible.record import FanoutOutcome, Reason
from dxansible.results import TurnResult
from dxansible.run.turn_events import EndSeen
from dxansible.services import SlackSettings
from dxansible.slack.trail import Trail
from dxansible.slack.turn_ends import EndTeller
from tests.services.slack import CHANNEL

if TYPE_CHECKING:
    from pathlib import Path

    from tests.services import SlackServer

SESSION = "ses_0123456789abcdef-01234567"


def seen(trail: str, thread: str) -> EndSeen:
    result = TurnResult(
        host="here", session_id=SESSION, user=None, outcome=FanoutOutcome.SUCCESS,
        reason=Reason.OK, turn=1,
    )  # fmt: skip
    return EndSeen(host="here", trail=trail, claimed=True, thread=thread, result=result)


def tell(*ends: EndSeen) -> Path:
    settings = SlackSettings.load()
    trail = Trail(settings=settings)
    trail._worker = threading.current_thread()
    for end in ends:
        EndTeller(trail).handle(end)
    trail.send()
    return settings.spool


@pytest.mark.parametrize("thread", ["../../x 1.2", "C1 x", "", "C1 1.2 3", "c1 1.2\n"])
@pytest.mark.parametrize("trail", ["../../../escaped", "", "0123456789abcdef"])
def test_what_a_vm_says_is_no_channel_and_no_file_until_it_looks_like_one(
    slack: SlackServer, home: Path, trail: str, thread: str
) -> None:
    tell(seen(trail, thread))

    (message,) = slack.messages
    assert message["channel"] == CHANNEL
    assert "thread_ts" not in message
    assert not list(home.rglob("*escaped*"))


def test_a_thread_in_another_workspace_is_none(slack: SlackServer) -> None:
    spool = tell(seen("0123456789abcdef", "C0ELSEWHERE 1503435956.000001"))

    (message,) = slack.messages
    assert (message["channel"], message.get("thread_ts")) == (CHANNEL, None)
    assert [path.name for path in spool.iterdir()] == ["lock"]


def test_what_an_earlier_version_kept_is_sent(slack: SlackServer) -> None:
    spool = SlackSettings.load().spool
    spool.mkdir(parents=True)
    entry = {"id": "a", "trail": "b", "first": True, "last": True, "payload": {"text": "old"}}
    (spool / f"{1:020d}-a.json").write_text(json.dumps(entry))
    tell(seen("0123456789abcdef", ""))

    assert [(each["text"][:3], each["channel"]) for each in slack.messages] == [
        ("old", CHANNEL), ("SUC", CHANNEL),
    ]  # fmt: skip
