"""Requests to GitHub: every answer as data, or as an error that says what to do.

The token goes to github.com, and to the one server that ``GITHUB_API_URL`` names: which server a
repository is on is what its VM says, and a VM is not to choose where our token goes. It is in no
text of ours, also where GitHub's own words have it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
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

    from dxansible.settings import GitHubSettings

__all__ = ["GitHubDoor", "InvalidError", "MovedError", "UnclearError", "api_of"]

_CONNECT_SECONDS, _READ_SECONDS, _LARGEST = 10.0, 60.0, 16 * 2**20
_TRIES = 4
_LONGEST_PAUSE = 30.0
_REDIRECTS = frozenset({301, 302, 307, 308})
_GOOD = range(200, 300)
_TOO_MANY, _SERVER_ERROR = 429, 500
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_TOKEN = "make one with the permission Pull requests: write, and put it into GITHUB_TOKEN"  # noqa: S105 - a remedy


class UnclearError(ServiceError):
    """GitHub may or may not have done it."""


class MovedError(ServiceError):
    """It has another address on the same server, which is ``path``."""

    def __init__(self, path: str) -> None:
        """Keep it."""
        super().__init__(
            f"the repository has moved to {path}", "correct the remote", Reason.GITHUB_ERROR
        )
        self.path = path


class InvalidError(ServiceError):
    """GitHub has read the request and won't do it; ``words`` say why."""

    def __init__(self, words: str) -> None:
        """Keep them for those who know what they mean here."""
        super().__init__(
            f"GitHub refuses the request ({words})", "change that", Reason.GITHUB_ERROR
        )
        self.words = words


def api_of(host: str, settings: GitHubSettings) -> str:
    """The address of the API for a host's repositories. Raises ServiceError if it isn't trusted."""
    if settings.api is None:
        if host == "github.com":
            return "https://api.github.com"
        message = f"the repository is on {host}, and nothing says that your token may go there"
        raise ServiceError(
            message,
            f"log gh in on the VM, or set GITHUB_API_URL (GitHub Enterprise: https://{host}/api/v3)",
            Reason.GITHUB_AUTH,
        )
    name = urlsplit(settings.api).hostname or ""
    if name not in _LOOPBACK and name.removeprefix("api.") != host:
        message = f"the repository is on {host}, and GITHUB_API_URL is the API of {name}"
        raise ServiceError(message, "correct it, or unset it for github.com", Reason.GITHUB_AUTH)
    return settings.api


@dataclass(slots=True, kw_only=True)
class GitHubDoor:
    """The door to one GitHub, with one token. Times are in seconds."""

    api: str
    token: str = field(repr=False)
    sleep: Callable[[float], object] = time.sleep
    clock: Callable[[], float] = time.time
    _door: Door = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Make the door."""
        self._door = Door(
            encrypted=self.api.startswith("https:"),
            connect_seconds=_CONNECT_SECONDS,
            read_seconds=_READ_SECONDS,
            largest=_LARGEST,
        )

    def read(self, path: str, **query: str | int) -> object:
        """GET something. Raises MovedError, or else ServiceError."""
        answer = self._tried(f"{self.api}/{path}", query)
        try:
            return self._document(answer)
        except ValueError as error:
            raise ServiceError(
                f"GitHub's answer is not JSON ({self._words(answer)})",
                "see whether GITHUB_API_URL or a proxy is in the way",
                Reason.GITHUB_ERROR,
            ) from error

    def write(self, path: str, body: Mapping[str, object]) -> object:
        """POST something, once. Raises UnclearError, InvalidError, or else ServiceError."""
        answer = self._send(Request(method="POST", url=f"{self.api}/{path}", body=body))
        if (answer.status == NO_ANSWER and answer.sent) or answer.status >= _SERVER_ERROR:
            error = self._error(answer)
            raise UnclearError(error.message, error.remedy, Reason.CREATE_UNCLEAR)
        try:
            return self._document(answer)
        except ValueError as error:
            text = f"GitHub's answer is not JSON ({self._words(answer)})"
            raise UnclearError(text, "see what is in the way", Reason.CREATE_UNCLEAR) from error

    def _tried(self, url: str, query: Mapping[str, str | int]) -> Answer:
        """Send a read until it is answered; after so many tries, or too long a pause, give up."""
        answer = self._send(Request(method="GET", url=url, query=query))
        for turn in range(1, _TRIES):
            asked = seconds_asked_for(answer.headers.get("retry-after"))
            busy = answer.status in {NO_ANSWER, _TOO_MANY} or answer.status >= _SERVER_ERROR
            pause = asked if asked is not None else float(2 ** (turn - 1))
            if not (busy or (answer.status == 403 and asked is not None)) or pause > _LONGEST_PAUSE:  # noqa: PLR2004 - its second kind of "too many"
                break
            event("retry", host="github", attempt=turn, status=answer.status or None,
                  error=answer.trouble or None, delay=pause)  # fmt: skip
            self.sleep(pause)
            answer = self._send(Request(method="GET", url=url, query=query))
        return answer

    def _send(self, request: Request) -> Answer:
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
            "User-Agent": "dx-dispatch",
        }
        try:
            return self._door.send(
                Request(
                    method=request.method,
                    url=request.url,
                    query=request.query,
                    body=request.body,
                    headers=headers,
                )
            )
        except BadHeaderError as error:
            raise ServiceError(
                "GITHUB_TOKEN can't be a token", _TOKEN, Reason.GITHUB_AUTH
            ) from error

    def _document(self, answer: Answer) -> object:
        """The JSON of a good answer. Raises ServiceError, and ValueError where it is none."""
        if answer.status not in _GOOD:
            raise self._error(answer)
        return answer.document()

    def _moved(self, url: str) -> ServiceError:
        if url.startswith(f"{self.api}/"):
            return MovedError(url.removeprefix(f"{self.api}/"))
        host = urlsplit(url).hostname or "another address"
        return ServiceError(
            f"GitHub's address redirects to {host}, and the token goes nowhere else",
            "correct GITHUB_API_URL, or unset it",
            Reason.GITHUB_ERROR,
        )

    def _error(self, answer: Answer) -> ServiceError:
        """Every failure as its own message."""
        words, reason = self._words(answer), Reason.GITHUB_AUTH
        limit = self._limit(answer, words)
        match answer.status:
            case 0:
                text = f"GitHub can't be reached ({answer.trouble})"
                remedy, reason = "see whether this machine is online", Reason.GITHUB_ERROR
            case 403 | 429 if limit is not None:
                text, remedy, reason = (
                    f"GitHub's limit is used up ({words})",
                    limit,
                    Reason.GITHUB_LIMIT,
                )
            case 401:
                text, remedy = f"GITHUB_TOKEN is not valid, or no longer ({words})", _TOKEN
            case 403 if "x-github-sso" in answer.headers:
                text = f"GITHUB_TOKEN is not authorized for this organization ({words})"
                remedy = "authorize it for single sign-on, in GitHub's settings of tokens"
            case 403:
                text, remedy = f"GITHUB_TOKEN may not do that ({words})", _TOKEN
            case 404:
                text = f"GitHub has no such repository, or GITHUB_TOKEN may not see it ({words})"
                remedy = "give the token access to it"
            case 422:
                return InvalidError(words)
            case status if status in _REDIRECTS:
                return self._moved(answer.headers.get("location", ""))
            case status if status >= _SERVER_ERROR:
                text = f"GitHub has trouble of its own (HTTP {status}: {words})"
                remedy, reason = "try again later", Reason.GITHUB_ERROR
            case status:
                text = f"GitHub refuses the request (HTTP {status}: {words})"
                remedy, reason = "see what is in the way", Reason.GITHUB_ERROR
        return ServiceError(text, remedy, reason)

    def _limit(self, answer: Answer, words: str) -> str | None:
        """What to do about a limit; None where it is something else."""
        reset = answer.headers.get("x-ratelimit-reset", "")
        if answer.headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal():
            when = datetime.fromtimestamp(int(reset[:11]), UTC)
            return f"wait until {when:%H:%M:%S} UTC"
        asked = seconds_asked_for(answer.headers.get("retry-after"))
        if asked is not None:
            return f"wait {asked:.0f} s"
        limited = answer.status == _TOO_MANY or "rate limit" in words.lower()
        return "wait some minutes" if limited else None

    def _words(self, answer: Answer) -> str:
        """GitHub's own message, in one line; of a web page only that it is one."""
        record = answer.record()
        if record is None:
            text = answer.plain_words(300)
        else:
            text = f"{record.get('message') or 'nothing more'}{_details(record)}"
        return summarize(text.strip().replace(self.token, "***"), 300)


def _details(document: Mapping[str, object]) -> str:
    """What was wrong with the request."""
    errors = document.get("errors")
    texts = []
    for each in errors if isinstance(errors, list) else []:
        if isinstance(each, dict):
            field_code = f"{each.get('field')} {each.get('code')}"
            texts.append(str(each.get("message") or field_code))
        else:
            texts.append(str(each))
    return "".join(f": {text}" for text in texts)
