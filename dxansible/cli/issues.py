"""The issue of a task: reads it, makes a prompt of it, claims it, and comments on the end."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dxansible.beads.database import Beads, NoBeadsError
from dxansible.beads.prompt import build_prompt, completion_request
from dxansible.errors import IssueError, UsageError
from dxansible.logs import event
from dxansible.services import ServiceSettings

if TYPE_CHECKING:
    from dxansible.beads.issue import Issue
    from dxansible.cli.table import Options

__all__ = ["IssueClaim", "read_claim", "task_text"]


@dataclass(slots=True)
class IssueClaim:
    """An issue of Beads, and the claim of this call in Beads."""

    issue: Issue
    beads: Beads
    actors: frozenset[str]
    wanted: bool
    """The caller asked for a claim."""
    lease_sec: float | None
    """The time after which another's claim in Beads may be taken over; None for never."""
    claimed: Issue | None = None
    """The issue as it is to be once the claim is undone; None without a claim of this call."""

    def take(self) -> None:
        """Mark the issue in progress if the caller asked. Raises IssueError if somebody has it."""
        if self.wanted:
            self.claimed = self.beads.claim(self.issue, self.actors, self.lease_sec)
            event("issue_claimed", issue=self.issue.id)

    def release(self) -> None:
        """Undo the claim, as nothing has started. Failures are only logged."""
        if self.claimed is not None:
            before, self.claimed = self.claimed, None
            try:
                self.beads.release(before)
            except IssueError as error:
                event("issue_not_released", logging.WARNING, error=str(error))

    def comment(self, text: str) -> None:
        """Comment on the issue if it was to be claimed. Never changes an outcome."""
        if self.wanted:
            try:
                self.beads.comment(self.issue.id, text)
            except IssueError as error:
                event("comment_failed", logging.WARNING, error=str(error))


def read_claim(options: Options) -> IssueClaim | None:
    """Return the issue of ``--issue``; None without one. Raises IssueError.

    None also if Beads can't be asked here, but is not needed: the user gave a task, and the claim
    is made on the repository's remote.
    """
    if options.issue is None:
        return None
    settings = ServiceSettings.load()
    beads = Beads(beads_dir=settings.beads_dir)
    try:
        issue = beads.read(options.issue)
    except NoBeadsError as error:
        own_task = options.task is not None or options.file is not None
        if "issue" in options.given or not (own_task and options.repo and options.beads):
            raise
        event("issue_unread", logging.WARNING, issue=options.beads, error=str(error))
        return None
    if options.beads not in {None, options.issue, issue.id}:
        message = f"--beads {options.beads} and --issue {issue.id} are different issues"
        raise UsageError(message, "leave out --beads")
    if issue.note is not None:
        event("issue_from_export", logging.WARNING, issue=issue.id, note=issue.note)
    if issue.obstacle is not None and not options.force:
        raise IssueError(issue.obstacle, "add --force to dispatch it anyway")
    # only the claim on a repository's remote shows that a session is still at work
    lease_sec = options.lease if options.repo and not options.jules else None
    return IssueClaim(issue, beads, settings.actors, options.claim, lease_sec)


def task_text(
    options: Options, claim: IssueClaim | None, repository: str | None, example: str
) -> str | bytes:
    """Return the task as given, or else the issue's prompt. Raises UsageError."""
    if claim is not None and options.task is None and options.file is None:
        return build_prompt(
            claim.issue,
            repository=repository,
            branch=options.branch,
            notify_channel=options.notify_channel,
            template=Path(options.template) if options.template else None,
        )
    if options.template is not None:
        message = "--template applies only to the prompt of an issue"
        raise UsageError(message, "leave out --template, or the task")
    text = options.text(options.task, "task", example)
    notice = completion_request(options.notify_channel)
    if not notice or not text.strip():
        return text
    if isinstance(text, bytes):
        return text.rstrip() + f"\n\n{notice}\n".encode()
    return f"{text.rstrip()}\n\n{notice}\n"
