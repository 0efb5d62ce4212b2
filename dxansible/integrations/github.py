"""GitHub's API, with one token.

The token goes to github.com, and to the one server that ``GITHUB_API_URL`` names: which server a
repository is on is what its VM says, and a VM is not to choose where our token goes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from dxansible.errors import ServiceError
from dxansible.integrations.http import REDIRECTS, TOO_MANY, JsonClient, RefusedError
from dxansible.record import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dxansible.integrations.http import HttpResponse
    from dxansible.settings import GitHubSettings

__all__ = ["GitHubClient", "MovedError", "api_of"]

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class MovedError(ServiceError):
    """It has another address on the same server, which is ``path``."""

    def __init__(self, path: str) -> None:
        """Keep it."""
        super().__init__(
            f"the repository has moved to {path}", "correct the remote", Reason.GITHUB_ERROR
        )
        self.path = path


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


class GitHubClient(JsonClient):
    """One GitHub. Its methods raise MovedError and RefusedError, besides what a JsonClient's do."""

    name = "GitHub"
    root = "/"
    headers: ClassVar = {
        "Authorization": "Bearer KEY",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
        "User-Agent": "dx-dispatch",
    }
    key_variable, url_variable = "GITHUB_TOKEN", "GITHUB_API_URL"
    key_remedy = "make one with the permission Pull requests: write, and put it into GITHUB_TOKEN"
    failed, bad_key = Reason.GITHUB_ERROR, Reason.GITHUB_AUTH

    def own_error(self, response: HttpResponse, words: str, path: str) -> ServiceError | None:
        """Tokens, limits, what GitHub refuses, and repositories that have moved."""
        del path
        remedy, limit = self.key_remedy, _limit(response, words)
        match response.status:
            case 403 | 429 if limit is not None:
                text = f"GitHub's limit is used up ({words})"
                return ServiceError(text, limit, Reason.GITHUB_LIMIT)
            case 401:
                text = f"GITHUB_TOKEN is not valid, or no longer ({words})"
            case 403 if "x-github-sso" in response.headers:
                text = f"GITHUB_TOKEN is not authorized for this organization ({words})"
                remedy = "authorize it for single sign-on, in GitHub's settings of tokens"
            case 403:
                text = f"GITHUB_TOKEN may not do that ({words})"
            case 404:
                text = f"GitHub has no such repository, or GITHUB_TOKEN may not see it ({words})"
                remedy = "give the token access to it"
            case 422:
                text = f"GitHub refuses the request ({words})"
                return RefusedError(text, "change that", self.failed)
            case status if status in REDIRECTS:
                moved = response.headers.get("location", "")
                ours = f"{self.url}/"
                return MovedError(moved.removeprefix(ours)) if moved.startswith(ours) else None
            case _:
                return None
        return ServiceError(text, remedy, self.bad_key)

    def own_words(self, record: Mapping[str, object]) -> str:
        """The message, and what was wrong with the request."""
        errors = record.get("errors")
        texts = [str(record.get("message") or "nothing more")]
        for each in errors if isinstance(errors, list) else []:
            if isinstance(each, dict):
                field_code = f"{each.get('field')} {each.get('code')}"
                texts.append(str(each.get("message") or field_code))
            else:
                texts.append(str(each))
        return ": ".join(texts)


def _limit(response: HttpResponse, words: str) -> str | None:
    """What to do about a limit; None where it is something else."""
    reset = response.headers.get("x-ratelimit-reset", "")
    if response.headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal():
        when = datetime.fromtimestamp(int(reset[:11]), UTC)
        return f"wait until {when:%H:%M:%S} UTC"
    if response.retry_after is not None:
        return f"wait {response.retry_after:.0f} s"
    limited = response.status == TOO_MANY or "rate limit" in words.lower()
    return "wait some minutes" if limited else None
