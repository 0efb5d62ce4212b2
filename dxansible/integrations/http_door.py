"""The one door to HTTP for our services: a request, and what is certain of it afterwards.

Nothing is sent but what the caller gives: no password of ~/.netrc, and what is not encrypted stays
on this machine, and so goes to no proxy.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["NO_ANSWER", "Answer", "BadHeaderError", "Door", "Request", "seconds_asked_for"]

NO_ANSWER = 0
"""The status where there was no answer."""


class BadHeaderError(Exception):
    """A key or token that no header can have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to send."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str | int] = field(default_factory=dict)
    body: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back; of a request without an answer, why."""

    status: int = NO_ANSWER
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    """The names are in small letters."""
    trouble: str = ""
    sent: bool = True
    """Whether the request may have come to the service."""

    def document(self) -> object:
        """The body's JSON. Raises ValueError where it is none, or nested without end."""
        try:
            return json.loads(self.body)
        except RecursionError as error:
            raise ValueError from error

    def record(self) -> dict[str, object] | None:
        """The body's JSON object; None where it is none."""
        try:
            document = self.document()
        except ValueError:
            return None
        return document if isinstance(document, dict) else None

    def plain_words(self, largest: int) -> str:
        """The beginning of a body that is no JSON; of a web page only that it is one."""
        if self.body.lstrip()[:1] == b"<":
            return "a web page"
        return self.body[:largest].decode(errors="replace") or "nothing more"


@dataclass(slots=True, kw_only=True)
class Door:
    """Sends requests, one at a time. Times are in seconds, and ``largest`` in bytes."""

    encrypted: bool
    connect_seconds: float
    read_seconds: float
    largest: int
    cut: bool = False
    """An answer that is longer is cut, instead of no answer at all."""
    clock: Callable[[], float] = time.monotonic
    _session: requests.Session = field(default_factory=requests.Session, repr=False)

    def __post_init__(self) -> None:
        """Send nothing but what the caller gives."""
        self._session.auth = lambda request: request
        self._session.trust_env = self.encrypted

    def send(self, request: Request) -> Answer:
        """Send it once. Raises BadHeaderError, and nothing that the network can cause."""
        if not all(value.isascii() and value.isprintable() for value in request.headers.values()):
            raise BadHeaderError
        try:
            with self._session.request(
                request.method,
                request.url,
                params=request.query,
                json=request.body,
                headers=dict(request.headers),
                timeout=(self.connect_seconds, self.read_seconds),
                allow_redirects=False,
                stream=True,
            ) as answer:
                names = {name.lower(): value for name, value in answer.headers.items()}
                return Answer(status=answer.status_code, body=self._body(answer), headers=names)
        except requests.exceptions.InvalidHeader as error:
            raise BadHeaderError from error
        except requests.RequestException as error:
            return Answer(trouble=_trouble(error), sent=not _never_sent(error))

    def _body(self, answer: requests.Response) -> bytes:
        end, pieces, size = self.clock() + self.read_seconds, [], 0
        for piece in answer.iter_content(min(self.largest, 64 * 1024)):
            pieces.append(piece)
            size += len(piece)
            if self.cut and size >= self.largest:
                break
            if size > self.largest:
                raise requests.exceptions.ContentDecodingError("it is too long")
            if self.clock() > end:
                raise requests.exceptions.ReadTimeout("it comes too slowly")
        return b"".join(pieces)


def seconds_asked_for(retry_after: str | None) -> float | None:
    """What a service says to wait, as seconds or as a date; None where it says nothing of use."""
    given = (retry_after or "").strip()
    if given.isascii() and given.isdigit():
        return float(given)
    try:
        wanted = parsedate_to_datetime(given) - datetime.now(UTC)
    except (TypeError, ValueError):
        return None
    return max(wanted.total_seconds(), 0.0)


def _trouble(error: requests.RequestException) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate can't be trusted"
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, requests.exceptions.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy doesn't let it through"
    return "no connection" if _never_sent(error) else "the connection was lost"


def _never_sent(error: requests.RequestException) -> bool:
    """Whether there was no connection to send anything on."""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return True
    if isinstance(error, requests.exceptions.SSLError):
        return "CERTIFICATE_VERIFY_FAILED" in str(error)
    cause = getattr(error.args[0], "reason", None) if error.args else None
    return type(cause).__name__ in {
        "NewConnectionError",
        "NameResolutionError",
        "ConnectTimeoutError",
    }
