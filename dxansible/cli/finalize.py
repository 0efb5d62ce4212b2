"""``--finalize-pr``: opens the pull request of a session's branch."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from dxansible.beads.database import Beads, NoBeadsError
from dxansible.cli.audit import audited
from dxansible.cli.terminal import SCREEN, cancel_on_signals
from dxansible.errors import IssueError, ServiceError
from dxansible.github.client import (
    GitHubClient,
    Proposal,
    api_of,
    ask_reviewers,
    open_pull_request,
)
from dxansible.logs import event
from dxansible.parameters import FINALIZE_TIMEOUT
from dxansible.record import FanoutOutcome, Reason
from dxansible.redact import redact, summarize
from dxansible.render import sessions as render
from dxansible.render.live import LiveOutput
from dxansible.render.show import emit, show
from dxansible.run.attach_sessions import find_session
from dxansible.run.finalize import FinalizeOptions, finalize_session
from dxansible.settings import GitHubSettings, ServiceSettings
from dxansible.slack.opening import open_trail

if TYPE_CHECKING:
    import threading

    from dxansible.beads.issue import Issue
    from dxansible.cli.table import Options
    from dxansible.record import Push
    from dxansible.results import SessionInfo, TurnResult

__all__ = ["finalize"]

_DETACHED = "no longer watching; what the VM has taken goes on there: finalize again later"
_TITLE_LENGTH = 200
_GH = {
    "absent": "there is no gh on the VM",
    "login": "gh on the VM is not logged in for {host}",
}


def finalize(options: Options) -> int:
    """``--finalize-pr SES``."""
    session, settings = options.finalize_pr or "", options.settings()
    github = GitHubSettings.load()
    chosen = FinalizeOptions(
        beads=options.beads,
        base=options.base,
        draft=options.draft,
        reviewers=tuple(name.removeprefix("@") for name in options.reviewer),
        queue=options.queue,
        timeout_sec=FINALIZE_TIMEOUT.given(options.timeout),
        max_retries=options.retries,
        settings=settings,
    )
    info = find_session(session, settings)
    message = _message(info, options.beads)
    cancelled = cancel_on_signals(_DETACHED, _DETACHED, json=options.json)
    live = LiveOutput(
        SCREEN, show=not options.json, on_closed=cancelled.set, announce=False, quiet=options.quiet
    )
    with audited(options, open_trail(options.slack), session, message.partition("\n")[0]) as audit:
        result = finalize_session(
            session, message, chosen,
            observers=[live, *audit.observers], cancelled=cancelled,
        )  # fmt: skip
        if result.outcome is FanoutOutcome.SUCCESS:
            result = _opened(result, message, chosen, github, cancelled)
        code = _report(options, result)
        audit.finalized(result)
    return code


def _message(info: SessionInfo, given: str | None) -> str:
    """Return the commit's message; its first line is the pull request's title."""
    beads = given or info.beads
    issue = _issue(beads, asked=given is not None) if beads else None
    beads = issue.id if issue else beads
    title = (
        (issue.title if issue else None)
        or info.first_task
        or info.task
        or f"Work of session {info.session_id}"
    )
    trailers = [f"Beads-Issue: {beads}"] if beads else []
    trailers.append(f"Dx-Session: {info.session_id}")
    return f"{summarize(' '.join(title.split()), _TITLE_LENGTH)}\n\n" + "\n".join(trailers) + "\n"


def _issue(issue_id: str, *, asked: bool) -> Issue | None:
    """Return the issue of that id; None if Beads can't be asked here.

    Raises IssueError if the user named an issue that doesn't exist.
    """
    try:
        return Beads(beads_dir=ServiceSettings.load().beads_dir).read(issue_id)
    except IssueError as error:
        if asked and not isinstance(error, NoBeadsError):
            raise
        event("issue_unread", logging.WARNING, issue=issue_id, error=str(error))
        return None


def _opened(
    result: TurnResult,
    message: str,
    chosen: FinalizeOptions,
    github: GitHubSettings,
    cancelled: threading.Event,
) -> TurnResult:
    """Open the pull request of the pushed branch: by ``gh`` on the VM, or from here."""
    push = result.push
    if push is None:
        return _failed(result, Reason.VM_ERROR, "the VM does not say what it has pushed")
    if push.url is not None:
        if push.gh != "no_reviewers":
            return result
        text = f"the pull request is open, and its reviewers could not be asked ({push.note})"
        return _failed(result, Reason.REVIEWERS_REFUSED, text)
    try:
        return _open_from_here(result, push, message, chosen, _client(push, github, cancelled))
    except ServiceError as error:
        text = f"{push.branch} is pushed, and there is no pull request: {error}"
        return _failed(result, error.reason, text)


def _client(push: Push, github: GitHubSettings, cancelled: threading.Event) -> GitHubClient:
    """Return a client to open the pull request from here. Raises ServiceError if impossible."""
    if push.host is None or push.repository is None:
        message = "its remote is no repository of a GitHub"
        raise ServiceError(message, "open one by hand", Reason.NO_PULL_REQUEST)
    if github.token is None:
        why = _GH.get(push.gh or "", f"gh on the VM says: {push.note}").format(host=push.host)
        message = f"{why}, and GITHUB_TOKEN is not set here"
        remedy = "set it, or run gh auth login on the VM, then finalize again"
        raise ServiceError(message, remedy, Reason.GITHUB_AUTH)
    return GitHubClient(api_of(push.host, github), github.token, sleep=cancelled.wait)


def _open_from_here(
    result: TurnResult, push: Push, message: str, chosen: FinalizeOptions, client: GitHubClient
) -> TurnResult:
    title, _, body = message.partition("\n")
    request = open_pull_request(
        client,
        Proposal(
            repository=push.repository or "",
            branch=push.branch,
            head=push.head,
            base=push.base,
            only_base=chosen.base is not None,
            title=title,
            body=body.strip(),
            draft=chosen.draft,
        ),
    )
    result = replace(
        result, push=replace(push, url=request.url, pull_request_origin=request.origin)
    )
    if chosen.reviewers and request.origin != "merged":
        try:
            ask_reviewers(client, request, chosen.reviewers)
        except ServiceError as error:
            text = f"the pull request is open, and its reviewers could not be asked: {error}"
            return _failed(result, Reason.REVIEWERS_REFUSED, text)
    return result


def _failed(result: TurnResult, reason: Reason, text: str) -> TurnResult:
    error = redact(f"{result.host}: {text}")
    return replace(result, outcome=FanoutOutcome.FAILURE, reason=reason, error=error)


def _report(options: Options, result: TurnResult) -> int:
    """Show the result, log its end, and return the exit code."""
    ended = result.outcome or FanoutOutcome.ABORTED  # the turn goes on without this call
    push = result.push
    if result.outcome is not None:
        good = result.outcome is FanoutOutcome.SUCCESS
        event(
            result.outcome.lower(), logging.INFO if good else logging.ERROR, host=result.host,
            session=result.session_id, turn=result.turn, duration_ms=result.duration_ms,
            reason=None if good else str(result.reason),
            pull_request=push.url if push else None,
        )  # fmt: skip
    if options.json:
        emit(render.finalize_document(result, ended.exit_code))
        return ended.exit_code
    if push and push.url:
        show(summarize(push.url, 2000))
    if not options.quiet:
        show(render.finalize_line(result), err=True)
    return ended.exit_code
