"""Sentences for the warnings of the log, for a person who gets no log lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.redact import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SENTENCES", "notice"]

SENTENCES = {
    "activities_missed": "Jules: some activities can't be shown: {error}",
    "comment_failed": "no comment was made on the issue: {error}",
    "comments_unread": "{issue}: the prompt is without its comments: {error}",
    "host_key_not_remembered": "{error}",
    "issue_from_export": "{issue}: {note}",
    "issue_not_released": "the issue is still marked in progress: {error}",
    "core_untested": "ansible-core {version} is newer than {tested}, the newest that was tested;"
    " to be safe: pip install 'ansible-core=={tested}.*'",
    "events_not_written": "DX_EVENTS: {path} can't be written: {error}",
    "mesh_unavailable": "no execution node can be asked: {error}",
    "metrics_not_written": "--metrics: {path} can't be written: {error}",
    "issue_resolved": "{asked} is the issue {issue}",
    "issue_taken_over": "{issue}: the claim of {holder} has lapsed in Beads, and is taken over",
    "issue_unread": "{issue}: the issue can't be read: {error}",
    "node_lost": "{node}: the node is lost ({reason}); the next one for its hosts: {next}",
    # the summary has the cause, if the next attempt fails too
    "retry": "{host}: attempt {attempt} failed; trying again",
    "run_not_recorded": "this run is not recorded: {error}; {remedy}",
    "run_unreadable": "a record of a run can't be read: {error}; {remedy}",
    "slack_failed": "Slack: nothing is posted: {error}",
    "slack_kept": "Slack: a message is kept for the next dispatch: {error}",
    "slack_not_configured": "Slack: nothing is posted; {error}",
    "slack_refused": "Slack: a message is refused: {error}",
    "slack_slow": "{error}",
    "slack_unclear": "Slack: a message was perhaps not posted: {error}",
    "stdin_unread": "standard input isn't read, and {error}; {remedy}",
    "vm_not_asked": "{error}",
    "wait_not_listed": "{remedy}: {error}",
}
"""By the event's name; the fields are the event's."""


def notice(fields: Mapping[str, object]) -> str:
    """Return a warning as one line, its remedy last."""
    told = {name: printable(str(value)) for name, value in fields.items()}
    return f"{SENTENCES[told['event']].format_map(told)}\n"
