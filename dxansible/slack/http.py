"""One post to Slack, and what is certain about its effect.

Slack has no idempotency key for a post, so only posts that were certainly not made are repeated.
Errors: https://docs.slack.dev/reference/methods/chat.postMessage#errors
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from dxansible.http import (
    NO_ANSWER,
    REDIRECTS,
    SERVER_ERROR,
    TOO_MANY,
    BadHeaderError,
    HttpClient,
    HttpResponse,
)
from dxansible.redact import summarize
from dxansible.slack.text import Thread
from dxansible.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dxansible.services import SlackSettings

__all__ = ["Posted", "SlackClient", "Verdict"]

_OK, _UNAVAILABLE = 200, 503
_PAUSE = 1.0
"""Seconds to wait after too many posts, if Slack gives no number."""
_NEVER = frozenset({
    "msg_too_long", "msg_blocks_too_long", "invalid_blocks", "invalid_blocks_format", "no_text",
    "cannot_reply_to_message", "thread_not_found", "invalid_payload", "invalid_arguments",
})  # fmt: skip
"""Permanent errors."""
_UNCLEAR = frozenset({"fatal_error", "internal_error", "rollup_error"})
"""Errors after which, by Slack's documentation, a part of the request may have been done."""
_HOOK_MEANS = {403: "action_prohibited", 404: "no_service", 410: "channel_is_archived"}


class Verdict(StrEnum):
    """The outcome of a post, by the name of its line in the log."""

    DELIVERED = "slack_posted"
    LATER = "slack_kept"
    """Certainly not posted; it may be sent again."""
    NEVER = "slack_refused"
    """Slack refuses this message for good."""
    UNCLEAR = "slack_unclear"
    """It may have been posted."""


class Posted(Value):
    """The verdict and its reason; ``pause`` is the wait in seconds after too many posts."""

    verdict: Verdict
    failure: str = ""
    thread: Thread | None = None
    pause: float | None = None


class SlackClient(HttpClient):
    """A client of Slack: its Web API with a token, else a webhook."""

    name = "Slack"
    headers: ClassVar = {"Authorization": "Bearer KEY"}
    connect_seconds, read_seconds = 1.5, 2.5
    largest = 64 * 1024
    cut = True

    def __init__(self, settings: SlackSettings) -> None:
        """Open no connection yet."""
        self._token = settings.token
        hook = settings.webhook or ""
        super().__init__(
            f"{settings.url}/chat.postMessage" if self._token else hook, self._token or ""
        )

    def post(
        self, payload: Mapping[str, Any], channel: str, thread: Thread | None = None
    ) -> Posted:
        """Post a message once, to the thread if there is one.

        Raises nothing that Slack or the network can cause.
        """
        body = {**payload, "unfurl_links": False, "unfurl_media": False}
        if self._token:
            body["channel"] = thread.channel if thread else channel
            if thread:
                body["thread_ts"] = thread.ts
        try:
            return self._judged(self.send_once("POST", body=body))
        except BadHeaderError:
            failure = "SLACK_BOT_TOKEN has characters that no token can have"
            return Posted(verdict=Verdict.LATER, failure=failure)

    def _judged(self, response: HttpResponse) -> Posted:
        status, pause = response.status, None
        if status == NO_ANSWER and response.sent:
            return Posted(verdict=Verdict.UNCLEAR, failure="Slack did not answer in time")
        if status == NO_ANSWER:
            failure = "Slack can't be reached"
        elif status == TOO_MANY:
            failure = "too many posts"
            pause = _PAUSE if response.retry_after is None else response.retry_after
        elif status == _UNAVAILABLE:
            failure = "Slack is not available (HTTP 503)"
        elif status in REDIRECTS:
            failure = "the Slack address redirects to another one"
        else:
            return _of_api(response) if self._token else _of_hook(status, response.body)
        return Posted(verdict=Verdict.LATER, failure=failure, pause=pause)


def _of_api(response: HttpResponse) -> Posted:
    status = response.status
    document = response.document(dict)
    if document is None:
        unclear = status == _OK or status >= SERVER_ERROR
        verdict = Verdict.UNCLEAR if unclear else Verdict.LATER
        return Posted(verdict=verdict, failure=f"unexpected answer (HTTP {status})")
    if document.get("ok") is True:
        channel, ts = document.get("channel"), document.get("ts")
        known = isinstance(channel, str) and isinstance(ts, str)
        thread = Thread(str(channel), str(ts)) if known else None
        return Posted(verdict=Verdict.DELIVERED, thread=thread)
    error = document.get("error")
    words = str(error) if error else f"HTTP {status}"
    if document.get("needed"):
        words = f"{words}, needed: {document['needed']}"
    return Posted(verdict=_verdict_on(str(error), status), failure=summarize(words))


def _of_hook(status: int, body: bytes) -> Posted:
    words = body[:200].decode(errors="replace").strip()
    if status == _OK and words == "ok":
        return Posted(verdict=Verdict.DELIVERED)
    if "<" in words or not words:
        words = _HOOK_MEANS.get(status, f"unexpected answer (HTTP {status})")
    verdict = Verdict.UNCLEAR if status == _OK else _verdict_on(words, status)
    return Posted(verdict=verdict, failure=summarize(words))


def _verdict_on(error: str, status: int) -> Verdict:
    if error in _NEVER:
        return Verdict.NEVER
    if error in _UNCLEAR or status >= SERVER_ERROR:
        return Verdict.UNCLEAR
    return Verdict.LATER
