"""One post to Slack, and what is certain of it afterwards.

Slack has no key that makes a post safe to repeat, so only what was certainly not posted is sent
again. Errors: https://docs.slack.dev/reference/methods/chat.postMessage#errors
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from dxansible.integrations.http_door import NO_ANSWER, Answer, BadHeaderError, Door, Request
from dxansible.redact import summarize

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dxansible.settings import SlackSettings

__all__ = ["Posted", "SlackDoor", "Thread", "Verdict"]

_CONNECT_SECONDS, _READ_SECONDS = 1.5, 2.5
_LARGEST = 64 * 1024
_OK, _TOO_MANY, _UNAVAILABLE, _SERVER_ERROR = 200, 429, 503, 500
_REDIRECTS = range(300, 400)
_NEVER = frozenset({
    "msg_too_long", "msg_blocks_too_long", "invalid_blocks", "invalid_blocks_format", "no_text",
    "cannot_reply_to_message", "thread_not_found", "invalid_payload", "invalid_arguments",
})  # fmt: skip
"""What no correction of the settings makes good."""
_UNCLEAR = frozenset({"fatal_error", "internal_error", "rollup_error"})
"""Slack says of these that a part of what was asked for may have been done."""
_HOOK_MEANS = {403: "action_prohibited", 404: "no_service", 410: "channel_is_archived"}


class Verdict(StrEnum):
    """What became of a post."""

    DELIVERED = "delivered"
    LATER = "later"
    """Certainly not posted; it may be sent again."""
    NEVER = "never"
    """Slack won't have this message."""
    UNCLEAR = "unclear"
    """It may have been posted."""


@dataclass(frozen=True, slots=True)
class Thread:
    """Where follow-ups go."""

    channel: str
    ts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """The verdict, and why; ``pause`` is what Slack says to wait, in seconds."""

    verdict: Verdict
    trouble: str = ""
    thread: Thread | None = None
    pause: float | None = None


@dataclass(slots=True, kw_only=True)
class SlackDoor:
    """The door to one Slack: its Web API with a token, else a webhook."""

    settings: SlackSettings
    _door: Door = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Make the door."""
        self._door = Door(
            encrypted=self._address.startswith("https:"),
            connect_seconds=_CONNECT_SECONDS,
            read_seconds=_READ_SECONDS,
            largest=_LARGEST,
            cut=True,
        )

    @property
    def _address(self) -> str:
        if self.settings.token:
            return f"{self.settings.url}/chat.postMessage"
        return self.settings.webhook or ""

    def post(
        self, payload: Mapping[str, Any], channel: str, thread: Thread | None = None
    ) -> Posted:
        """Post it once, to the thread where there is one.

        Raises nothing that Slack or the network can cause.
        """
        headers = {}
        body = {**payload, "unfurl_links": False, "unfurl_media": False}
        if token := self.settings.token:
            headers["Authorization"] = f"Bearer {token}"
            body["channel"] = thread.channel if thread else channel
            if thread:
                body["thread_ts"] = thread.ts
        request = Request(method="POST", url=self._address, headers=headers, body=body)
        try:
            answer = self._door.send(request)
        except BadHeaderError:
            return Posted(verdict=Verdict.LATER, trouble="SLACK_BOT_TOKEN can't be a token")
        if answer.status == NO_ANSWER:
            if not answer.sent:
                return Posted(verdict=Verdict.LATER, trouble="Slack can't be reached")
            return Posted(verdict=Verdict.UNCLEAR, trouble="no answer of Slack's in time")
        return self._judged(answer)

    def _judged(self, answer: Answer) -> Posted:
        status = answer.status
        if status == _TOO_MANY:
            given = answer.headers.get("retry-after", "").strip()
            pause = float(given) if given.isascii() and given.isdigit() else None
            return Posted(verdict=Verdict.LATER, trouble="too many posts", pause=pause)
        if status == _UNAVAILABLE:
            return Posted(verdict=Verdict.LATER, trouble="Slack is not available (HTTP 503)")
        if status in _REDIRECTS:
            return Posted(verdict=Verdict.LATER, trouble="the address of Slack redirects elsewhere")
        if self.settings.token:
            return _of_api(answer)
        return _of_hook(status, answer.body)


def _of_api(answer: Answer) -> Posted:
    status = answer.status
    document = answer.record()
    if document is None:
        unclear = status == _OK or status >= _SERVER_ERROR
        verdict = Verdict.UNCLEAR if unclear else Verdict.LATER
        return Posted(verdict=verdict, trouble=f"not an answer of Slack's (HTTP {status})")
    if document.get("ok") is True:
        channel, ts = document.get("channel"), document.get("ts")
        known = isinstance(channel, str) and isinstance(ts, str)
        thread = Thread(str(channel), str(ts)) if known else None
        return Posted(verdict=Verdict.DELIVERED, thread=thread)
    error = document.get("error")
    words = str(error) if error else f"HTTP {status}"
    if document.get("needed"):
        words = f"{words}, needed: {document['needed']}"
    return Posted(verdict=_verdict_on(str(error), status), trouble=summarize(words))


def _of_hook(status: int, body: bytes) -> Posted:
    words = body[:200].decode(errors="replace").strip()
    if status == _OK and words == "ok":
        return Posted(verdict=Verdict.DELIVERED)
    if "<" in words or not words:
        words = _HOOK_MEANS.get(status, f"not an answer of Slack's (HTTP {status})")
    verdict = Verdict.UNCLEAR if status == _OK else _verdict_on(words, status)
    return Posted(verdict=verdict, trouble=summarize(words))


def _verdict_on(error: str, status: int) -> Verdict:
    if error in _NEVER:
        return Verdict.NEVER
    if error in _UNCLEAR or status >= _SERVER_ERROR:
        return Verdict.UNCLEAR
    return Verdict.LATER
