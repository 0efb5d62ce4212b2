"""Opens the pull request of a pushed branch, where ``gh`` on the VM has not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.errors import ServiceError
from dxansible.github.client import (
    GitHubClient,
    Proposal,
    api_of,
    ask_reviewers,
    open_pull_request,
)
from dxansible.record import FanoutOutcome, Reason
from dxansible.redact import redact
from dxansible.value import replace

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from dxansible.record import Push
    from dxansible.results import TurnResult
    from dxansible.services import GitHubSettings

__all__ = ["open_from_here"]

_GH = {
    "absent": "gh is not installed on the VM",
    "login": "gh on the VM is not logged in to {host}",
}


def open_from_here(  # noqa: PLR0913 - all but the first four are options by name
    result: TurnResult,
    message: str,
    github: GitHubSettings,
    cancelled: threading.Event,
    *,
    base: str | None,
    draft: bool,
    reviewers: Sequence[str],
) -> TurnResult:
    """Return the result with the pull request, opened here unless ``gh`` on the VM did.

    The first line of ``message`` is its title. ``base`` of None is the remote's own. A refusal of
    GitHub is the result's failure.
    """
    push = result.push
    if push is None:
        return _failed(result, Reason.VM_ERROR, "the VM did not report what it pushed")
    if push.url is not None:
        if push.gh != "no_reviewers":
            return result
        text = f"the pull request is open, but its reviewers could not be requested ({push.note})"
        return _failed(result, Reason.REVIEWERS_REFUSED, text)
    try:
        client = _client(push, github, cancelled)
        request = open_pull_request(client, _proposal(push, message, base=base, draft=draft))
    except ServiceError as error:
        text = f"{push.branch} was pushed, but no pull request was opened: {error}"
        return _failed(result, error.reason, text)
    push = replace(push, url=request.url, pull_request_origin=request.origin)
    result = replace(result, push=push)
    if reviewers and request.origin != "merged":
        try:
            ask_reviewers(client, request, reviewers)
        except ServiceError as error:
            text = f"the pull request is open, but its reviewers could not be requested: {error}"
            return _failed(result, Reason.REVIEWERS_REFUSED, text)
    return result


def _client(push: Push, github: GitHubSettings, cancelled: threading.Event) -> GitHubClient:
    """Return a client to open the pull request from here. Raises ServiceError if impossible."""
    if push.host is None or push.repository is None:
        message = "the remote is not a GitHub repository"
        raise ServiceError(message, "open the pull request by hand", Reason.NO_PULL_REQUEST)
    if github.token is None:
        why = _GH.get(push.gh or "", f"gh on the VM failed: {push.note}").format(host=push.host)
        message = f"{why}, and GITHUB_TOKEN is not set here"
        remedy = "set it, or run gh auth login on the VM, then finalize again"
        raise ServiceError(message, remedy, Reason.GITHUB_AUTH)
    return GitHubClient(api_of(push.host, github), github.token, sleep=cancelled.wait)


def _proposal(push: Push, message: str, *, base: str | None, draft: bool) -> Proposal:
    title, _, body = message.partition("\n")
    return Proposal(
        repository=push.repository or "",
        branch=push.branch,
        head=push.head,
        base=push.base,
        only_base=base is not None,
        title=title,
        body=body.strip(),
        draft=draft,
    )


def _failed(result: TurnResult, reason: Reason, text: str) -> TurnResult:
    error = redact(f"{result.host}: {text}")
    return replace(result, outcome=FanoutOutcome.FAILURE, reason=reason, error=error)
