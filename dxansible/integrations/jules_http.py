"""Requests to Jules: what is sent again and what isn't, and every answer as data or as an error.

An error's text never has the key in it, also where Jules' own words do.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dxansible.errors import ServiceError
from dxansible.integrations.http_door import (
    NO_ANSWER,
    Answer,
    BadHeaderError,
    Door,
    Request,
    seconds_asked_for,
)
from dxansible.logs import event
from dxansible.record import Reason
from dxansible.redact import summarize

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Connection", "NotFoundError", "RefusedError", "UnclearError"]

_CONNECT_SECONDS, _READ_SECONDS = 10.0, 90.0
_LARGEST = 64 * 1024 * 1024
_TRIES = 6
_LONGEST_PAUSE = 60.0
_OK, _TOO_MANY, _SERVER_ERROR = 200, 429, 500
_REDIRECTS = range(300, 400)
_KEY_REMEDY = "make a key at jules.google.com/settings, and put it into JULES_API_KEY"


class NotFoundError(ServiceError):
    """Jules doesn't know it, or doesn't know it yet."""


class RefusedError(ServiceError):
    """Jules has read the request, and won't do it."""


class UnclearError(ServiceError):
    """Jules may or may not have done it. ``answered``: it is done with the request."""

    def __init__(self, message: str, remedy: str, reason: Reason, *, answered: bool) -> None:
        """Keep whether there was an answer of Jules' own."""
        super().__init__(message, remedy, reason)
        self.answered = answered


class _NoJsonError(ServiceError):
    """A good status, and a body that Jules can't have written."""


@dataclass(slots=True, kw_only=True)
class Connection:
    """The door to one Jules, with one key. Times are in seconds."""

    url: str
    key: str = field(repr=False)
    sleep: Callable[[float], object] = time.sleep
    clock: Callable[[], float] = time.monotonic
    read_seconds: float = _READ_SECONDS
    deadline: float | None = None
    """Of the clock: after it nothing is tried again."""
    _door: Door = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Make the door."""
        self._door = Door(
            encrypted=self.url.startswith("https:"),
            connect_seconds=_CONNECT_SECONDS,
            read_seconds=self.read_seconds,
            largest=_LARGEST,
            clock=self.clock,
        )

    def read(self, path: str, **query: str | int) -> Mapping[str, object]:
        """GET something. Sent again after 429, 5xx and lost connections. Raises ServiceError."""
        reply = self._tried("GET", path, None, query, read=True)
        return self._document(reply, path)

    def write(self, path: str, body: Mapping[str, object]) -> Mapping[str, object]:
        """POST something. Sent again only where Jules has certainly not acted on it.

        Raises UnclearError where nobody can say whether it has, else ServiceError.
        """
        reply = self._tried("POST", path, body, {}, read=False)
        if reply.status == NO_ANSWER and reply.sent:
            text = f"Jules gave no answer ({reply.trouble})"
            raise UnclearError(text, "look before it is sent again", Reason.JULES_ERROR,
                               answered=False)  # fmt: skip
        if reply.status >= _SERVER_ERROR:
            error = self._error(reply, path)
            raise UnclearError(error.message, error.remedy, Reason.JULES_ERROR,
                               answered=reply.status in {500, 503})  # fmt: skip
        try:
            return self._document(reply, path)
        except _NoJsonError as error:
            raise UnclearError(error.message, error.remedy, Reason.JULES_ERROR,
                               answered=False) from error  # fmt: skip

    def _tried(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None,
        query: Mapping[str, str | int],
        *,
        read: bool,
    ) -> Answer:
        reply = self._once(method, path, body, query)
        for turn in range(1, _TRIES):
            again = (
                reply.status == _TOO_MANY
                or (reply.status == NO_ANSWER and (read or not reply.sent))
                or (reply.status >= _SERVER_ERROR and read)
            )
            pause = _pause(reply, turn)
            too_late = self.deadline is not None and self.clock() + pause > self.deadline
            if not again or pause > _LONGEST_PAUSE or too_late:
                break
            event("retry", host="jules", attempt=turn, status=reply.status or None,
                  error=reply.trouble or None, delay=pause)  # fmt: skip
            self.sleep(pause)
            reply = self._once(method, path, body, query)
        return reply

    def _once(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None,
        query: Mapping[str, str | int],
    ) -> Answer:
        headers = {"X-Goog-Api-Key": self.key, "Accept": "application/json"}
        url = f"{self.url}/v1alpha/{path}"
        # they may have been changed since
        self._door.read_seconds, self._door.clock = self.read_seconds, self.clock
        try:
            return self._door.send(
                Request(method=method, url=url, headers=headers, query=query, body=body)
            )
        except BadHeaderError as error:
            raise ServiceError(
                "JULES_API_KEY can't be a key", _KEY_REMEDY, Reason.JULES_AUTH
            ) from error

    def _document(self, reply: Answer, path: str) -> Mapping[str, object]:
        if reply.status != _OK:
            raise self._error(reply, path)
        document = reply.record() if reply.body else {}
        if document is None:
            text = f"Jules answered with something that is not JSON: {self._words(reply)}"
            raise _NoJsonError(text, "see whether DX_JULES_URL or a proxy is in the way",
                               Reason.JULES_ERROR)  # fmt: skip
        return document

    def _error(self, reply: Answer, path: str) -> ServiceError:
        """Every failure as its own message."""
        words = self._words(reply)
        kind: type[ServiceError] = ServiceError
        reason = Reason.JULES_ERROR
        match reply.status:
            case 0:
                text = f"Jules can't be reached ({reply.trouble})"
                remedy = "see whether this machine is online, and call again"
            case 401:
                text, remedy = f"JULES_API_KEY is not a key of Jules ({words})", _KEY_REMEDY
                reason = Reason.JULES_AUTH
            case 400 if b"API_KEY_INVALID" in reply.body or b"API key not valid" in reply.body:
                text, remedy = f"JULES_API_KEY is not valid ({words})", _KEY_REMEDY
                reason = Reason.JULES_AUTH
            case 403:
                text = f"Jules refuses this key: it may be disabled, as leaked keys are ({words})"
                remedy, reason = _KEY_REMEDY, Reason.JULES_AUTH
            case 404:
                text, remedy = f"Jules knows no {path} ({words})", "see whether it is still there"
                kind = NotFoundError
            case 429:
                asked = reply.headers.get("retry-after")
                wait = f", and it says to wait {asked} s" if asked else ""
                text = f"the quota at Jules is used up{summarize(wait)} ({words})"
                remedy = "wait, end other sessions, or see the limits of your plan"
                reason = Reason.JULES_QUOTA
            case status if status in _REDIRECTS:
                host = urlsplit(reply.headers.get("location", "")).hostname or "another address"
                text = f"Jules' address redirects to {host}, and the key goes nowhere else"
                remedy = "correct DX_JULES_URL, or unset it"
            case status if status >= _SERVER_ERROR:
                text = f"Jules has trouble of its own (HTTP {status}: {words})"
                remedy = "call again later"
            case status:
                text = f"Jules refuses the request (HTTP {status}: {words})"
                remedy, kind = "change what was asked for", RefusedError
        return kind(text, remedy, reason)

    def _words(self, reply: Answer) -> str:
        """Jules' own message, in one line; of a web page only that it is one."""
        error = (reply.record() or {}).get("error")
        if isinstance(error, dict):
            text = f"{error.get('status') or ''} {error.get('message') or ''}{_fields(error)}"
        else:
            text = reply.plain_words(400)
        return summarize(text.strip().replace(self.key, "***"), 300)


def _fields(error: Mapping[str, object]) -> str:
    """Which fields of the request were wrong."""
    details = error.get("details")
    found = [
        f"; {each.get('field')}: {each.get('description')}"
        for detail in (details if isinstance(details, list) else [])
        if isinstance(detail, dict)
        for each in detail.get("fieldViolations") or []
        if isinstance(each, dict)
    ]
    return "".join(found)


def _pause(reply: Answer, turn: int) -> float:
    """As long as Jules says, else twice as long each time."""
    asked = seconds_asked_for(reply.headers.get("retry-after"))
    return float(min(2 ** (turn - 1), 30)) if asked is None else asked
