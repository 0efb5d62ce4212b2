"""The stand-in for Slack satisfies a client that was not written here: PyPI's slack-sdk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook import WebhookClient

from tests.services import Fault
from tests.services.slack import CHANNEL, api_error

if TYPE_CHECKING:
    from tests.services import SlackServer


@pytest.fixture
def peer(slack: SlackServer) -> WebClient:
    return WebClient(slack.token, base_url=f"{slack.url}/")


def test_it_posts_and_replies(slack: SlackServer, peer: WebClient) -> None:
    first = peer.chat_postMessage(channel=CHANNEL, text="hello")
    peer.chat_postMessage(channel=CHANNEL, text="there", thread_ts=first["ts"])

    assert first["channel"] == CHANNEL
    assert slack.texts == ["hello", "there"]
    assert slack.messages[1]["thread_ts"] == slack.messages[0]["ts"]


def test_it_knows_every_way_to_fail(slack: SlackServer, peer: WebClient) -> None:
    with pytest.raises(SlackApiError, match="channel_not_found"):
        peer.chat_postMessage(channel="C1", text="x")
    with pytest.raises(SlackApiError, match="thread_not_found"):
        peer.chat_postMessage(channel=CHANNEL, text="x", thread_ts="1.0")
    long = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}
    with pytest.raises(SlackApiError, match="invalid_blocks"):
        peer.chat_postMessage(channel=CHANNEL, text="x", blocks=[long])
    slack.fail(api_error("missing_scope", needed="chat:write"))
    with pytest.raises(SlackApiError, match="missing_scope"):
        peer.chat_postMessage(channel=CHANNEL, text="x")
    slack.fail(Fault(status=429, body=b'{"ok":false,"error":"ratelimited"}',
                     headers={"Retry-After": "7"}))  # fmt: skip
    with pytest.raises(SlackApiError) as raised:
        peer.chat_postMessage(channel=CHANNEL, text="x")
    assert raised.value.response.headers["Retry-After"] == "7"
    other = WebClient("xoxb-other", base_url=f"{slack.url}/")
    with pytest.raises(SlackApiError, match="invalid_auth"):
        other.chat_postMessage(channel=CHANNEL, text="x")
    assert slack.messages == []


def test_it_posts_to_the_webhook(slack: SlackServer) -> None:
    answer = WebhookClient(slack.webhook).send(text="hello")

    assert (answer.status_code, answer.body, slack.texts) == (200, "ok", ["hello"])
    wrong = WebhookClient(f"{slack.webhook}x").send(text="hello")
    assert (wrong.status_code, wrong.body) == (404, "no_service")
