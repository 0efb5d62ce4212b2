"""Renders Jules' sessions as text for people and as JSON for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dxansible.jules.model import moment_of
from dxansible.redact import printable, summarize
from dxansible.render import dry_run
from dxansible.render.commands import OUTCOME_COLOURS
from dxansible.render.invisible import show_invisible
from dxansible.render.sessions import end_comment, lines
from dxansible.render.show import coloured
from dxansible.render.tables import NOTHING, columns, duration, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dxansible.jules.model import CreateRequest, JulesResult, Session

__all__ = [
    "attached",
    "comment",
    "dry_run_document",
    "dry_run_text",
    "sessions_table",
    "status_text",
    "summary_line",
]

_COLOURS = {"COMPLETED": "green", "FAILED": "red", "IN_PROGRESS": "cyan", "PLANNING": "cyan"}
_SESSIONS = columns(
    "SESSION", "STATE", "CREATED", "SOURCE", "PULL REQUEST", "TITLE",
    shown="STATE",
    leave=("TITLE", "PULL REQUEST", "SOURCE", "CREATED"),
    text=("TITLE",),
)  # fmt: skip
_DEFAULT_BRANCH = "(the repository's default branch at Jules)"


def summary_line(result: JulesResult) -> str:
    """One line about the session: outcome, duration, and what to do about it."""
    if result.outcome is None:
        outcome = "running"
    else:
        outcome = coloured(f"{result.outcome:<16}", OUTCOME_COLOURS[result.outcome])
    line = f"jules  {outcome}"
    if result.duration_ms:
        line = f"{line}  {result.duration_ms / 1000:.2f} s"
    if result.attached:
        line = f"{line}  {attached(result)}"
    return f"{line}  {printable(result.error)}" if result.error else line


def attached(result: JulesResult) -> str:
    """The session that a call has attached to, and how old it is."""
    session, age = result.session, result.attached_age_sec
    since = "ended" if session and session.ended else "created"
    when = f"{since} {duration(age)} ago" if age is not None else f"{since} at an unknown time"
    return f"attached to session {session.id if session else '?'}, {when}"


def comment(result: JulesResult) -> str:
    """The comment on an issue about the end of its session."""
    session = result.session
    request = session.pull_request if session else None
    where = f"Jules session {session.id if session else '?'}"
    return end_comment(where, result, f"pull request: {request}" if request else "")


def dry_run_document(request: CreateRequest, url: str) -> str:
    """The JSON document of a dry run."""
    sent = {"method": "POST", "url": f"{url}/v1alpha/sessions", "body": _body(request)}
    return dry_run.document_of("prompt", request.prompt, request=sent)


def dry_run_text(request: CreateRequest, url: str) -> str:
    """The prompt and the request, as a person reads them."""
    body = json.dumps(_body(request) | {"prompt": "(as above)"}, indent=2, ensure_ascii=False)
    shown = show_invisible(
        f"{request.prompt.rstrip(chr(10))}\n\nPOST {url}/v1alpha/sessions\n{body}"
    )
    return f"{shown}\n\nDry run: nothing was sent."


def sessions_table(found: Sequence[Session], width: int | None = None) -> str:
    """A row for each session, the newest first; ``width`` of the terminal, None without one."""
    rows = [
        (
            each.id,
            each.state,
            _time(each.create_time) or NOTHING,
            each.source.removeprefix("sources/") or NOTHING,
            each.pull_request or NOTHING,
            summarize(each.title) or NOTHING,
        )
        for each in found
    ]
    colours = [_COLOURS.get(each.state, "magenta") for each in found]
    return table(_SESSIONS, rows, colours, width)


def status_text(result: JulesResult) -> str:
    """All known fields of one session, one a line."""
    session = result.session
    if session is None:
        return f"{summary_line(result)}\n"
    return lines({
        "session": session.id,
        "url": session.url,
        "state": coloured(session.state, _COLOURS.get(session.state)),
        "needs": session.needs_person,
        "title": printable(session.title),
        "source": printable(session.source),
        "created": _time(session.create_time),
        "updated": _time(session.update_time),
        "request": session.pull_request,
        "error": result.error,
        "message": summarize(result.message, 400) if result.message else None,
    })  # fmt: skip


def _time(text: str) -> str:
    """A time of Jules by this machine's clock, to the second; as Jules has it if it is none."""
    moment = moment_of(text)
    return printable(text) if moment is None else f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def _body(request: CreateRequest) -> dict[str, object]:
    source = f"sources/github/{request.repository}"
    return request.body(source, request.branch or _DEFAULT_BRANCH)
