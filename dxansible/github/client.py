"""GitHub, with one token: opens the pull request of a pushed branch, and never a second one.

GitHub has no idempotency key for a create. An open pull request of the branch is therefore looked
for before a create, and again after a create without a clear answer.

The token goes only to github.com, or to the one server that ``GITHUB_API_URL`` names. A VM says
which server its repository is on, but must not choose where our token goes.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from dxansible.errors import ServiceError
from dxansible.http import REDIRECTS, TOO_MANY, JsonClient, RefusedError, UnclearError
from dxansible.record import Reason
from dxansible.value import Value, replace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dxansible.http import HttpResponse
    from dxansible.services import GitHubSettings

__all__ = [
    "GitHubClient",
    "Proposal",
    "PullRequest",
    "add_labels",
    "api_of",
    "ask_reviewers",
    "open_pull_request",
]

_PAUSES = (0.0, 2.0, 5.0)
"""Seconds to wait before each search for a pull request after an unclear create."""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class _MovedError(ServiceError):
    """The repository has another address on the same server: ``path``."""

    def __init__(self, path: str) -> None:
        """Keep the path."""
        super().__init__(
            f"the repository has moved to {path}", "correct the remote", Reason.GITHUB_ERROR
        )
        self.path = path


def api_of(host: str, settings: GitHubSettings) -> str:
    """Return the API's address for a host's repositories. Raises ServiceError if not trusted."""
    if settings.api is None:
        if host == "github.com":
            return "https://api.github.com"
        message = f"the repository is on {host}, and your token is not sent to that server"
        raise ServiceError(
            message,
            f"run gh auth login on the VM, or set GITHUB_API_URL (GitHub Enterprise: https://{host}/api/v3)",
            Reason.GITHUB_AUTH,
        )
    name = urlsplit(settings.api).hostname or ""
    if name not in _LOOPBACK and name.removeprefix("api.") != host:
        message = f"the repository is on {host}, but GITHUB_API_URL is the API of {name}"
        raise ServiceError(message, "correct it, or unset it for github.com", Reason.GITHUB_AUTH)
    return settings.api


class GitHubClient(JsonClient):
    """A client of one GitHub server. If a repository has moved, its methods raise _MovedError."""

    name = "GitHub"
    root = "/"
    headers: ClassVar = {
        "Authorization": "Bearer KEY",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
        "User-Agent": "dx-dispatch",
    }
    key_variable, url_variable = "GITHUB_TOKEN", "GITHUB_API_URL"
    key_remedy = "create a token with the permission Pull requests: write, and set GITHUB_TOKEN"
    failed, bad_key = Reason.GITHUB_ERROR, Reason.GITHUB_AUTH

    def own_error(self, response: HttpResponse, words: str, path: str) -> ServiceError | None:
        """Return the error for a bad token, a limit, a refusal, or a repository that has moved."""
        del path
        remedy, limit = self.key_remedy, _limit(response, words)
        match response.status:
            case 403 | 429 if limit is not None:
                text = f"the GitHub rate limit is exceeded ({words})"
                return ServiceError(text, limit, Reason.GITHUB_LIMIT)
            case 401:
                text = f"GITHUB_TOKEN is invalid or has expired ({words})"
            case 403 if "x-github-sso" in response.headers:
                text = f"GITHUB_TOKEN is not authorized for this organization ({words})"
                remedy = "authorize it for single sign-on in GitHub's token settings"
            case 403:
                text = f"GITHUB_TOKEN lacks a permission ({words})"
            case 404:
                text = f"the repository doesn't exist, or GITHUB_TOKEN has no access ({words})"
                remedy = "give the token access to the repository"
            case 422:
                text = f"GitHub refused the request ({words})"
                return RefusedError(text, "fix the cause", self.failed)
            case status if status in REDIRECTS:
                moved = response.headers.get("location", "")
                ours = f"{self.url}/"
                return _MovedError(moved.removeprefix(ours)) if moved.startswith(ours) else None
            case _:
                return None
        return ServiceError(text, remedy, self.bad_key)

    def own_words(self, record: Mapping[str, object]) -> str:
        """Return the message, and what was wrong with the request."""
        errors = record.get("errors")
        texts = [str(record.get("message") or "no message")]
        for each in errors if isinstance(errors, list) else []:
            if isinstance(each, dict):
                field_code = f"{each.get('field')} {each.get('code')}"
                texts.append(str(each.get("message") or field_code))
            else:
                texts.append(str(each))
        return ": ".join(texts)


def _limit(response: HttpResponse, words: str) -> str | None:
    """Return the remedy for a rate limit; None if the response is about something else."""
    reset = response.headers.get("x-ratelimit-reset", "")
    if response.headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal():
        when = datetime.fromtimestamp(int(reset[:11]), UTC)
        return f"wait until {when:%H:%M:%S} UTC"
    if response.retry_after is not None:
        return f"wait {response.retry_after:.0f} s"
    limited = response.status == TOO_MANY or "rate limit" in words.lower()
    return "wait a few minutes" if limited else None


class Proposal(Value):
    """The pull request to open: its branch and destination."""

    repository: str
    branch: str
    head: str
    """The commit that was pushed."""
    base: str
    only_base: bool
    """The user named the base: a pull request to another one doesn't count."""
    title: str
    body: str
    draft: bool
    fork: str | None = None
    """The owner of the fork that has the branch; None if the repository itself has it."""


class PullRequest(Value):
    """The existing pull request; ``origin`` is created, found or merged."""

    repository: str
    number: int
    url: str
    origin: str


def open_pull_request(client: GitHubClient, proposal: Proposal) -> PullRequest:
    """Return the branch's open pull request; create one if there is none.

    A pull request that was merged with the branch's present commit counts too. Raises ServiceError.
    """
    try:
        return _open(client, proposal)
    except _MovedError as moved:
        # use the present name: a POST to a former one is redirected, and becomes a GET
        found = client.read(moved.path.partition("/pulls")[0]).get("full_name")
        return _open(client, replace(proposal, repository=str(found)))


def _open(client: GitHubClient, proposal: Proposal) -> PullRequest:
    repository = proposal.repository
    found = _find_by_branch(client, proposal)
    if found is not None:
        return found
    body: dict[str, object] = {
        "title": proposal.title,
        "body": proposal.body,
        "head": f"{proposal.fork}:{proposal.branch}" if proposal.fork else proposal.branch,
        "base": proposal.base,
        "draft": proposal.draft,
        "maintainer_can_modify": True,
    }
    try:
        return _pull_request(repository, client.write(f"repos/{repository}/pulls", body), "created")
    except RefusedError as error:
        return _explain_refusal(client, proposal, error)
    except UnclearError as error:
        return _find_after_unclear_create(client, proposal, error)


def ask_reviewers(client: GitHubClient, request: PullRequest, reviewers: Sequence[str]) -> None:
    """Ask for reviews. Raises ServiceError; the pull request stays as it was."""
    body: dict[str, object] = {
        "reviewers": [name for name in reviewers if "/" not in name],
        "team_reviewers": [name.partition("/")[2] for name in reviewers if "/" in name],
    }
    client.write(f"repos/{request.repository}/pulls/{request.number}/requested_reviewers", body)


def add_labels(client: GitHubClient, request: PullRequest, labels: Sequence[str]) -> None:
    """Add labels. Raises ServiceError; the pull request stays as it was."""
    path = f"repos/{request.repository}/issues/{request.number}/labels"
    client.write(path, {"labels": list(labels)})


def _find_by_branch(client: GitHubClient, proposal: Proposal) -> PullRequest | None:
    repository = proposal.repository
    owner = proposal.fork or repository.partition("/")[0]
    listed = client.read_list(
        f"repos/{repository}/pulls", state="all", head=f"{owner}:{proposal.branch}", per_page=100
    )  # fmt: skip
    merged = None
    for each in map(_record, listed):
        head, base = _record(each.get("head")), _record(each.get("base"))
        if head.get("ref") != proposal.branch or not _is_ours(head, proposal):
            continue  # a server that ignores the filter lists all
        if proposal.only_base and base.get("ref") != proposal.base:
            continue
        if each.get("state") == "open":
            return _pull_request(repository, each, "found")
        if merged is None and each.get("merged_at") and head.get("sha") == proposal.head:
            merged = _pull_request(repository, each, "merged")
    return merged


def _is_ours(head: dict[str, object], proposal: Proposal) -> bool:
    """Whether a branch is in the repository itself, or in the fork that was pushed to."""
    home = _record(head.get("repo")).get("full_name")
    owner = str(head.get("label")).partition(":")[0].lower()
    if proposal.fork is not None:
        return owner == proposal.fork.lower()
    if isinstance(home, str):
        return home.lower() == proposal.repository.lower()
    return owner == proposal.repository.partition("/")[0].lower()


def _explain_refusal(client: GitHubClient, proposal: Proposal, error: RefusedError) -> PullRequest:
    """Explain why GitHub created nothing, or return the pull request that exists already."""
    words = error.message
    if "already exists" in words:
        found = _find_by_branch(client, proposal)
        if found is not None:
            return found
    if "No commits between" in words:
        text = f"{proposal.branch} has no commits that are not in {proposal.base}"
        raise ServiceError(text, "let the agent commit something", Reason.NO_CHANGES) from error
    remedy = "fix the cause, then finalize again"
    if "base invalid" in words:
        remedy = f"{proposal.repository} has no branch {proposal.base}: name another with --base"
    elif "raft" in words:
        remedy = "leave out --draft"
    raise ServiceError(error.message, remedy, Reason.GITHUB_ERROR) from error


def _find_after_unclear_create(
    client: GitHubClient, proposal: Proposal, error: UnclearError
) -> PullRequest:
    for pause in _PAUSES:
        client.sleep(pause)
        with suppress(ServiceError):
            found = _find_by_branch(client, proposal)
            if found is not None:
                return found
    raise ServiceError(
        f"it is unknown whether the pull request was opened: {error.message}",
        "finalize again: that looks for the pull request first",
        Reason.CREATE_UNCLEAR,
    ) from error


def _pull_request(repository: str, document: object, origin: str) -> PullRequest:
    record = _record(document)
    number, url = record.get("number"), record.get("html_url")
    if not isinstance(number, int) or not isinstance(url, str):
        raise UnclearError(
            "GitHub's answer contains no pull request",
            "check GITHUB_API_URL and any proxy",
            Reason.CREATE_UNCLEAR,
        )
    return PullRequest(repository=repository, number=number, url=url, origin=origin)


def _record(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
