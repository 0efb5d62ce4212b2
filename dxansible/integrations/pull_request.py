"""Opens the pull request of a branch that was pushed, and never a second one.

GitHub has nothing that makes a create safe to repeat, so an open pull request of the branch is
looked for before a create, and again after one whose answer was not clear.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dxansible.errors import ServiceError
from dxansible.integrations.github import MovedError
from dxansible.integrations.http import RefusedError, UnclearError
from dxansible.record import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dxansible.integrations.github import GitHubClient

__all__ = ["Proposal", "PullRequest", "ask_reviewers", "open_pull_request"]

_PAUSES = (0.0, 2.0, 5.0)
"""In seconds, before each look for what an unclear create may have made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What is to be pulled, and where to."""

    repository: str
    branch: str
    head: str
    """The commit that was pushed."""
    base: str
    only_base: bool
    """The base was asked for: a pull request to another one is not the same."""
    title: str
    body: str
    draft: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """The one that there is now; ``came`` is created, found or merged."""

    repository: str
    number: int
    url: str
    came: str


def open_pull_request(client: GitHubClient, proposal: Proposal) -> PullRequest:
    """The branch's open pull request, a new one if there is none.

    One that was merged with the branch as it is now counts too. Raises ServiceError.
    """
    try:
        return _open(client, proposal)
    except MovedError as moved:
        # by its name of today: a POST to a former one would be redirected, and become a GET
        found = client.read(moved.path.partition("/pulls")[0]).get("full_name")
        return _open(client, replace(proposal, repository=str(found)))


def _open(client: GitHubClient, proposal: Proposal) -> PullRequest:
    repository = proposal.repository
    found = _find(client, proposal)
    if found is not None:
        return found
    body: dict[str, object] = {
        "title": proposal.title,
        "body": proposal.body,
        "head": proposal.branch,
        "base": proposal.base,
        "draft": proposal.draft,
        "maintainer_can_modify": True,
    }
    try:
        return _pull_request(repository, client.write(f"repos/{repository}/pulls", body), "created")
    except RefusedError as error:
        return _settle_refusal(client, proposal, error)
    except UnclearError as error:
        return _settle_unclear(client, proposal, error)


def ask_reviewers(client: GitHubClient, request: PullRequest, reviewers: Sequence[str]) -> None:
    """Ask them for a review. Raises ServiceError, with the pull request as it was."""
    body: dict[str, object] = {
        "reviewers": [name for name in reviewers if "/" not in name],
        "team_reviewers": [name.partition("/")[2] for name in reviewers if "/" in name],
    }
    client.write(f"repos/{request.repository}/pulls/{request.number}/requested_reviewers", body)


def _find(client: GitHubClient, proposal: Proposal) -> PullRequest | None:
    repository = proposal.repository
    owner = repository.partition("/")[0]
    listed = client.read_list(
        f"repos/{repository}/pulls", state="all", head=f"{owner}:{proposal.branch}", per_page=100
    )  # fmt: skip
    merged = None
    for each in map(_record, listed):
        head, base = _record(each.get("head")), _record(each.get("base"))
        if head.get("ref") != proposal.branch or not _is_at_home(head, repository):
            continue  # a server that doesn't know the filter lists all
        if proposal.only_base and base.get("ref") != proposal.base:
            continue
        if each.get("state") == "open":
            return _pull_request(repository, each, "found")
        if merged is None and each.get("merged_at") and head.get("sha") == proposal.head:
            merged = _pull_request(repository, each, "merged")
    return merged


def _is_at_home(head: dict[str, object], repository: str) -> bool:
    """Whether a branch is the repository's own, and not of the same name in a fork."""
    home = _record(head.get("repo")).get("full_name")
    if isinstance(home, str):
        return home.lower() == repository.lower()
    owner = str(head.get("label")).partition(":")[0]
    return owner.lower() == repository.partition("/")[0].lower()


def _settle_refusal(client: GitHubClient, proposal: Proposal, error: RefusedError) -> PullRequest:
    """Nothing was created; say why, in words that belong to this call."""
    words = error.message
    if "already exists" in words:
        found = _find(client, proposal)
        if found is not None:
            return found
    if "No commits between" in words:
        text = f"{proposal.branch} has no commit that {proposal.base} has not"
        raise ServiceError(text, "let the agent commit something", Reason.NO_CHANGES) from error
    remedy = "see to that, and finalize again"
    if "base invalid" in words:
        remedy = f"{proposal.repository} has no branch {proposal.base}: name another with --base"
    elif "raft" in words:
        remedy = "leave out --draft"
    raise ServiceError(error.message, remedy, Reason.GITHUB_ERROR) from error


def _settle_unclear(client: GitHubClient, proposal: Proposal, error: UnclearError) -> PullRequest:
    for pause in _PAUSES:
        client.sleep(pause)
        with suppress(ServiceError):
            found = _find(client, proposal)
            if found is not None:
                return found
    raise ServiceError(
        f"nobody can say whether the pull request was opened: {error.message}",
        "finalize again, it is looked for first",
        Reason.CREATE_UNCLEAR,
    ) from error


def _pull_request(repository: str, document: object, came: str) -> PullRequest:
    record = _record(document)
    number, url = record.get("number"), record.get("html_url")
    if not isinstance(number, int) or not isinstance(url, str):
        raise UnclearError(
            "GitHub's answer has no pull request in it",
            "see whether GITHUB_API_URL or a proxy is in the way",
            Reason.CREATE_UNCLEAR,
        )
    return PullRequest(repository=repository, number=number, url=url, came=came)


def _record(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
