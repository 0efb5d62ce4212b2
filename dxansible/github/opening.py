"""Opens the pull request of a pushed branch, where ``gh`` on the VM has not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.errors import ServiceError
from dxansible.evidence import Evidence
from dxansible.github.client import (
    GitHubClient,
    Proposal,
    add_labels,
    api_of,
    ask_reviewers,
    open_pull_request,
)
from dxansible.record import FanoutOutcome, Reason
from dxansible.redact import redact
from dxansible.value import replace

if TYPE_CHECKING:
    import threading

    from dxansible.record import Push
    from dxansible.results import TurnResult
    from dxansible.run.finalize import FinalizeOptions
    from dxansible.services import GitHubSettings

__all__ = ["open_from_here"]

_INCOMPLETE = {
    "no_labels": (Reason.LABELS_REFUSED, "labels could not be added"),
    "no_reviewers": (Reason.REVIEWERS_REFUSED, "reviewers could not be requested"),
}
"""By the word of ``gh``: what the pull request lacks."""
_GH = {
    "absent": "gh is not installed on the VM",
    "login": "gh on the VM is not logged in to {host}",
}


def open_from_here(
    result: TurnResult,
    title: str,
    wanted: FinalizeOptions,
    github: GitHubSettings,
    cancelled: threading.Event,
) -> TurnResult:
    """Return the result with the pull request, opened here unless ``gh`` on the VM did.

    A refusal of GitHub is the result's failure.
    """
    push = result.push
    if push is None:
        return _failed(result, Reason.VM_ERROR, "the VM did not report what it pushed")
    if push.url is not None:
        if push.gh not in _INCOMPLETE:
            return result
        return _incomplete(result, *_INCOMPLETE[push.gh], push.note)
    try:
        client = _client(push, github, cancelled)
        proposal = Proposal(
            repository=push.repository or "",
            branch=push.branch,
            head=push.head,
            base=push.base,
            only_base=wanted.base is not None,
            title=title,
            body=wanted.body,
            draft=wanted.draft,
            fork=push.fork,
        )
        request = open_pull_request(client, proposal)
    except ServiceError as error:
        text = f"{push.branch} was pushed, but no pull request was opened: {error}"
        return _failed(result, error.reason, text)
    result = replace(
        result, push=replace(push, url=request.url, pull_request_origin=request.origin)
    )
    if request.origin == "merged":
        return result
    for words, word, ask in (
        (wanted.labels, "no_labels", add_labels),
        (wanted.reviewers, "no_reviewers", ask_reviewers),
    ):
        try:
            if words:
                ask(client, request, words)
        except ServiceError as error:
            result = _incomplete(result, *_INCOMPLETE[word], error)
    return result


def _incomplete(result: TurnResult, reason: Reason, what: str, why: object) -> TurnResult:
    return _failed(result, reason, f"the pull request is open, but its {what} ({why})")


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


def _failed(result: TurnResult, reason: Reason, text: str) -> TurnResult:
    error = redact(f"{result.host}: {text}")
    return replace(
        result,
        outcome=FanoutOutcome.FAILURE,
        reason=reason,
        error=error,
        evidence=Evidence.SERVICE,
    )
