"""Writes the commit message and the body of a session's pull request, and closes its issue."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from dxansible.beads.database import Beads, NoBeadsError
from dxansible.errors import IssueError, UsageError
from dxansible.logs import event
from dxansible.record import FanoutOutcome, Reason
from dxansible.redact import redact, summarize
from dxansible.render.invisible import show_invisible
from dxansible.run.attach_sessions import find_session, follow_session
from dxansible.services import ServiceSettings
from dxansible.value import Value, replace

if TYPE_CHECKING:
    from dxansible.beads.issue import Issue
    from dxansible.results import SessionInfo, TurnResult
    from dxansible.settings import Settings

__all__ = ["PullRequestText", "close_issue", "write_text"]

_TITLE_LENGTH = 200
_SUMMARY_LENGTH = 8_000
_CUT = "\n\n(cut)"


class PullRequestText(Value):
    """What a pull request says. The first line of `message` is its title."""

    message: str
    """Of the commit."""
    body: str
    issue: str | None = None

    @property
    def title(self) -> str:
        """The first line of the message."""
        return self.message.partition("\n")[0]


def write_text(
    session: str, settings: Settings, given: str | None, *, close: bool = False
) -> PullRequestText:
    """Write the text from the session, its last turn and its issue.

    ``given`` is the issue that the user named. Raises IssueError if it doesn't exist, and with
    ``close`` also if Beads can't be asked; UsageError with ``close`` and no issue.
    """
    info = find_session(session, settings)
    beads = given or info.beads
    if close and beads is None:
        raise UsageError("the session has no issue to close", "name it: --beads ID")
    issue = _issue(beads, asked=given is not None, needed=close) if beads else None
    beads = issue.id if issue else beads
    title = (
        (issue.title if issue else None)
        or info.first_task
        or info.task
        or f"Work of session {info.session_id}"
    )
    trailers = [f"Beads-Issue: {beads}"] if beads else []
    trailers.append(f"Dx-Session: {info.session_id}")
    about = (
        [f"## Issue\n\n{beads}" + (f": {_shown(issue.title)}" if issue else "")] if beads else []
    )
    return PullRequestText(
        message=f"{summarize(' '.join(title.split()), _TITLE_LENGTH)}\n\n"
        + "\n".join(trailers)
        + "\n",
        body="\n\n".join([*_sections(info, settings), *about, "\n".join(trailers)]),
        issue=beads,
    )


def close_issue(result: TurnResult, issue: str) -> TurnResult:
    """Close the issue with the pull request's address; a refusal of Beads is a failure."""
    url = result.push.url if result.push else None
    try:
        Beads(beads_dir=ServiceSettings.load().beads_dir).close(issue, f"Pull request: {url}")
    except IssueError as error:
        text = f"{result.host}: the pull request is open, but {error}"
        return replace(
            result, outcome=FanoutOutcome.FAILURE, reason=Reason.ISSUE_NOT_CLOSED, error=text
        )
    event("issue_closed", issue=issue)
    return result


def _sections(info: SessionInfo, settings: Settings) -> list[str]:
    """The agent's last words, and the result of its check; empty while a turn runs."""
    if info.outcome is None:
        return []
    last = follow_session(info.session_id, settings, turn=info.turn, tail=True, wait=False)
    if last.push is not None:  # a finalize: the agent has done nothing since
        return []
    summary = _shown((last.message or "").strip())
    if len(summary) > _SUMMARY_LENGTH:
        summary = summary[:_SUMMARY_LENGTH] + _CUT
    code = last.verify_exit_code
    check = {None: "No check was asked for.", 0: "The check (`--verify`) passed."}.get(
        code, f"The check (`--verify`) failed with exit code {code}."
    )
    return [f"## Summary\n\n{summary}"] * bool(summary) + [f"## Checks\n\n{check}"]


def _shown(text: str) -> str:
    return show_invisible(redact(text))


def _issue(issue_id: str, *, asked: bool, needed: bool) -> Issue | None:
    """Return the issue of that id; None if Beads can't be asked here, unless it is ``needed``.

    Raises IssueError if the user named an issue that doesn't exist.
    """
    try:
        return Beads(beads_dir=ServiceSettings.load().beads_dir).read(issue_id)
    except IssueError as error:
        if needed or (asked and not isinstance(error, NoBeadsError)):
            raise
        event("issue_unread", logging.WARNING, issue=issue_id, error=str(error))
        return None
