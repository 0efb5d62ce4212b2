"""The form of messages to Slack: blocks, and plain text for notifications.

https://docs.slack.dev/messaging/formatting-message-text and the limits of each block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dxansible.redact import printable, redact
from dxansible.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Message", "Thread"]

_LONGEST_TITLE = 300
_LONGEST_BODY = 2800
_LONGEST_NOTE = 300
_MOST_NOTES = 10
_LONGEST_TEXT = 600
"""Characters; escaping makes at most five times as many, and Slack splits texts from 4,000 on."""


class Thread(NamedTuple):
    """The thread of a dispatch's follow-ups."""

    channel: str
    ts: str


class Message(Value):
    """One message, not escaped yet."""

    title: str
    body: str = ""
    notes: tuple[str, ...] = ()

    def payload(self, secrets: Iterable[str] = ()) -> dict[str, Any]:
        """Return the body of the request, without a channel; ``secrets`` are always masked."""
        known = [each for each in secrets if each]
        title = _cut(_safe(self.title, known), _LONGEST_TITLE)
        body = _cut("\n".join(_safe(line, known) for line in self.body.splitlines()),
                    _LONGEST_BODY)  # fmt: skip
        notes = [_cut(_safe(each, known), _LONGEST_NOTE) for each in self.notes if each]
        bold = title.replace("*", "∗")  # noqa: RUF001 - looks the same, and ends no bold
        blocks: list[dict[str, Any]] = [
            {"type": "section", "text": {"type": "mrkdwn", "text": f"*{_escape(bold)}*"}}
        ]
        if body.strip():
            # plain text: nothing in a task or an error can be a mention, a link or formatting
            plain = {"type": "plain_text", "text": body, "emoji": False}
            blocks.append({"type": "section", "text": plain})
        if notes:
            elements = [{"type": "mrkdwn", "text": _escape(note)} for note in notes[:_MOST_NOTES]]
            blocks.append({"type": "context", "elements": elements})
        text = " | ".join(part for part in (title, body.replace("\n", " | "), *notes) if part)
        return {"text": _escape(_cut(text, _LONGEST_TEXT)), "blocks": blocks}


def _safe(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    return printable(redact(text))


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _escape(text: str) -> str:
    """Escape the three characters that Slack interprets, and no others."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
