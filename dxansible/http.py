"""HTTP to our services: one client, one retry policy, and certainty about each request's effect.

Nothing but what the caller gives is sent: no password of ~/.netrc. Unencrypted requests go only to
this machine, and never to a proxy.
"""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, ClassVar, TypeVar
from urllib.parse import urlencode, urlsplit

import requests

from dxansible.errors import ServiceError
from dxansible.logs import event
from dxansible.record import Reason
from dxansible.redact import summarize
from dxansible.value import Value, field

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "NO_ANSWER",
    "REDIRECTS",
    "SERVER_ERROR",
    "TOO_MANY",
    "BadHeaderError",
    "HttpClient",
    "HttpResponse",
    "JsonClient",
    "NotFoundError",
    "RefusedError",
    "UnclearError",
]

NO_ANSWER = 0
"""The status if there was no answer."""
REDIRECTS = range(300, 400)
TOO_MANY, SERVER_ERROR = 429, 500
_GOOD = range(200, 300)
_FORBIDDEN = 403
_DONE_WITH_IT = frozenset({500, 503})
_LONGEST_BACKOFF = 30.0
_Json = TypeVar("_Json", dict[str, object], list[object])


class BadHeaderError(Exception):
    """The key or token has characters that no header can hold."""


class NotFoundError(ServiceError):
    """The service doesn't know the object, or doesn't know it yet."""


class RefusedError(ServiceError):
    """The service understood the request and refuses it."""


class UnclearError(ServiceError):
    """The service may or may not have carried out the request."""

    answered = False
    """Whether the service has finished with the request."""


class HttpResponse(Value):
    """A response, or the reason why there was none."""

    status: int = NO_ANSWER
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    """The names are lower-case."""
    failure: str = ""
    sent: bool = True
    """Whether the request may have reached the service."""

    @property
    def unclear(self) -> bool:
        """Whether the service may have carried out the request without saying so."""
        return (self.status == NO_ANSWER and self.sent) or self.status >= SERVER_ERROR

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait, from the Retry-After header (seconds or a date); None without one."""
        given = self.headers.get("retry-after", "").strip()
        if given.isascii() and given.isdigit():
            return float(given)
        try:
            wanted = parsedate_to_datetime(given) - datetime.now(UTC)
        except (TypeError, ValueError):
            return None
        return max(wanted.total_seconds(), 0.0)

    def may_be_sent_again(self, method: str) -> bool:
        """Whether a repeat is safe: too many requests, never sent, or an unclear GET."""
        limited = self.status == _FORBIDDEN and self.retry_after is not None
        return (
            limited
            or self.status == TOO_MANY
            or not self.sent
            or (method == "GET" and self.unclear)
        )

    def document(self, kind: type[_Json]) -> _Json | None:
        """Return the body's JSON; None if it is of another type, invalid, or nested too deeply."""
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return document if isinstance(document, kind) else None


class HttpClient:
    """Sends requests to one service, one at a time.

    Subclasses override these attributes; times are in seconds, and ``largest`` is in bytes.
    """

    name = "a service"
    root = ""
    """Prefix of each path, after the service's address."""
    headers: ClassVar[Mapping[str, str]] = {}
    """Headers of each request; KEY stands for the key or token."""
    connect_seconds, read_seconds = 10.0, 60.0
    largest = 16 * 2**20
    cut = False
    """Whether a response above ``largest`` is cut instead of refused."""
    tries = 4
    longest_pause = 30.0
    """No retry if the service asks for a longer wait."""
    deadline: float | None = None
    """Time by the clock after which there is no retry."""

    def __init__(
        self,
        url: str,
        key: str = "",
        *,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open no connection yet."""
        self.url, self.sleep, self.clock = url, sleep, clock
        self._key = key
        self._headers = {
            name: value.replace("KEY", key)
            for name, value in self.headers.items()
            if key or "KEY" not in value
        }
        self._session = requests.Session()
        self._session.auth = lambda request: request
        self._session.trust_env = url.startswith("https:")

    def send_once(
        self, method: str, path: str = "", body: Mapping[str, object] | None = None
    ) -> HttpResponse:
        """Send a request once. Raises BadHeaderError, but nothing for a network failure."""
        if not all(value.isascii() and value.isprintable() for value in self._headers.values()):
            raise BadHeaderError
        try:
            with self._session.request(
                method,
                f"{self.url}{self.root}{path}",
                json=body,
                headers=self._headers,
                timeout=(self.connect_seconds, self.read_seconds),
                allow_redirects=False,
                stream=True,
            ) as answer:
                names = {name.lower(): value for name, value in answer.headers.items()}
                return HttpResponse(
                    status=answer.status_code, body=self._body(answer), headers=names
                )
        except requests.RequestException as error:
            return HttpResponse(failure=_failure(error), sent=not _never_sent(error))

    def send_retrying(
        self, method: str, path: str, body: Mapping[str, object] | None = None
    ) -> HttpResponse:
        """Send a request, and repeat it if that is safe; raises as `send_once` does.

        The pause is the one that the service asks for, else it doubles each time.
        """
        response = self.send_once(method, path, body)
        for turn in range(1, self.tries):
            asked = response.retry_after
            pause = min(2.0 ** (turn - 1), _LONGEST_BACKOFF) if asked is None else asked
            late = self.deadline is not None and self.clock() + pause > self.deadline
            if not response.may_be_sent_again(method) or pause > self.longest_pause or late:
                break
            event("retry", host=self.name.lower(), attempt=turn, status=response.status or None,
                  error=response.failure or None, delay=pause)  # fmt: skip
            self.sleep(pause)
            response = self.send_once(method, path, body)
        return response

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


class JsonClient(HttpClient, ABC):
    """A service with a JSON API and a key or token; every failure is a ServiceError.

    No message contains the key, even if the service's own message does. Subclasses set these
    attributes.
    """

    key_variable = url_variable = ""
    key_remedy = ""
    failed = bad_key = Reason.VM_ERROR
    """The reason by default, and the reason for a bad key."""

    def read(self, path: str, **query: str | int) -> dict[str, object]:
        """GET an object. Raises ServiceError."""
        return self._parse(self._get(path, query), path, dict)

    def read_list(self, path: str, **query: str | int) -> list[object]:
        """GET a list. Raises ServiceError."""
        return self._parse(self._get(path, query), path, list)

    def write(
        self, path: str, body: Mapping[str, object] | None, method: str = "POST"
    ) -> dict[str, object]:
        """Send an object. Repeats it only if the service has certainly not acted on it.

        {} for a list or nothing. Raises UnclearError if it may have acted, else ServiceError.
        """
        response = self._send(method, path, body)
        good = response.status in _GOOD
        if good and (not response.body or response.document(list) is not None):
            return {}
        try:
            return self._parse(response, path, dict)
        except ServiceError as error:
            if not (good or response.unclear):
                raise
            silent = f"{self.name} did not answer ({response.failure})"
            text = error.message if response.status else silent
            unclear = UnclearError(text, error.remedy, self.failed)
            unclear.answered = response.status in _DONE_WITH_IT
            raise unclear from error

    @abstractmethod
    def own_error(self, response: HttpResponse, words: str, path: str) -> ServiceError | None:
        """Return the error for a status with a special meaning here; None if it has none."""

    @abstractmethod
    def own_words(self, record: Mapping[str, object]) -> str | None:
        """Return the service's message from a JSON body; None if there is none."""

    def _get(self, path: str, query: Mapping[str, str | int]) -> HttpResponse:
        return self._send("GET", f"{path}?{urlencode(query)}" if query else path)

    def _send(
        self, method: str, path: str, body: Mapping[str, object] | None = None
    ) -> HttpResponse:
        try:
            return self.send_retrying(method, path, body)
        except BadHeaderError as error:
            text = f"{self.key_variable} has characters that no {self._kind_of_key} can have"
            raise ServiceError(text, self.key_remedy, self.bad_key) from error

    @property
    def _kind_of_key(self) -> str:
        return self.key_variable.rpartition("_")[2].lower()

    def _parse(self, response: HttpResponse, path: str, kind: type[_Json]) -> _Json:
        if response.status not in _GOOD:
            raise self._error(response, path)
        document = response.document(kind)
        if document is not None:
            return document
        text = f"the answer of {self.name} is not JSON: {self._words(response)}"
        remedy = f"check {self.url_variable} and any proxy"
        raise ServiceError(text, remedy, self.failed)

    def _error(self, response: HttpResponse, path: str) -> ServiceError:
        """Return the error for a response, with a message for each kind of failure."""
        words = self._words(response)
        error = self.own_error(response, words, path)
        if error is not None:
            return error
        said = f"(HTTP {response.status}: {words})"
        if response.status == NO_ANSWER:
            text = f"{self.name} can't be reached ({response.failure})"
            remedy = "check that this machine is online, and try again"
        elif response.status in REDIRECTS:
            host = urlsplit(response.headers.get("location", "")).hostname or "another address"
            text = f"the address of {self.name} redirects to {host}"
            text = f"{text}, and the {self._kind_of_key} is not sent there"
            remedy = f"correct {self.url_variable}, or unset it"
        elif response.status >= SERVER_ERROR:
            text, remedy = f"{self.name} has a server error {said}", "try again later"
        else:
            text = f"{self.name} refused the request {said}"
            return RefusedError(text, "change the request and try again", self.failed)
        return ServiceError(text, remedy, self.failed)

    def _words(self, response: HttpResponse) -> str:
        """Return the service's message in one line; for a web page only that it is one."""
        record = response.document(dict)
        text = self.own_words(record) if record is not None else None
        if text is None and response.body.lstrip()[:1] == b"<":
            text = "a web page"
        elif text is None:
            text = response.body[:400].decode(errors="replace") or "no message"
        return summarize(text.strip().replace(self._key, "***"), 300)


def _failure(error: requests.RequestException) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "the certificate is not trusted"
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "the connection timed out"
    if isinstance(error, requests.exceptions.Timeout):
        return "the request timed out"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy refused the connection"
    return "no connection" if _never_sent(error) else "the connection was lost"


def _never_sent(error: requests.RequestException) -> bool:
    """Whether no connection was made, so that nothing was sent."""
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
