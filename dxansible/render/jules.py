"""Renders Jules' sessions as text for people and as JSON for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from dxansible.redact import printable, summarize
from dxansible.render.commands import OUTCOME_COLOURS, table
from dxansible.render.documents import SCHEMA
from dxansible.render.invisible import count_invisible, show_invisible
from dxansible.render.sessions import duration
from dxansible.render.show import coloured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dxansible.jules.model import CreateRequest, JulesResult, Session

__all__ = [
    "attached",
    "comment",
    "document",
    "dry_run_document",
    "dry_run_text",
    "sessions_document",
    "sessions_table",
    "status_text",
    "summary_line",
]

_COLOURS = {"COMPLETED": "green", "FAILED": "red", "IN_PROGRESS": "cyan", "PLANNING": "cyan"}
_DEFAULT_BRANCH = "(the repository's default branch, as Jules knows it)"


def document(result: JulesResult, code: int) -> str:
    """The JSON document of a call about one session."""
    whole = {
        "schema": SCHEMA,
        "outcome": result.outcome,
        "exit_code": code,
        "results": [result.to_dict()],
    }
    return json.dumps(whole) + "\n"


def summary_line(result: JulesResult) -> str:
    """One line about the session: outcome, duration, and what to do about it."""
    if result.outcome is None:
        outcome = "running"
    else:
        outcome = coloured(f"{result.outcome:<16}", OUTCOME_COLOURS[result.outcome])
    line = f"jules  {outcome}  {result.duration_ms / 1000:.2f} s"
    if result.attached:
        line = f"{line}  {attached(result)}"
    return f"{line}  {printable(result.error)}" if result.error else line


def attached(result: JulesResult) -> str:
    """The session that a call has attached to, and how old it is."""
    session, age = result.session, result.attached_age_sec
    since = "ended" if session and session.ended else "created"
    when = f"{since} {duration(age)} ago" if age is not None else f"{since} nobody knows when"
    return f"attached to session {session.id if session else '?'}, {when}"


def comment(result: JulesResult) -> str:
    """The comment on an issue about the end of its session."""
    session = result.session
    parts = [
        f"dx-dispatch: Jules session {session.id if session else '?'} ended: {result.outcome}",
        f"reason: {result.reason}",
        f"pull request: {session.pull_request}" if session and session.pull_request else "",
        summarize(result.error, 400) if result.error else "",
    ]
    return "\n".join(part for part in parts if part)


def dry_run_document(request: CreateRequest, url: str) -> str:
    """The JSON document of a dry run."""
    whole = {
        "schema": SCHEMA,
        "exit_code": 0,
        "dry_run": True,
        "prompt": request.prompt,
        "invisible_characters": count_invisible(request.prompt),
        "request": {"method": "POST", "url": _address(url), "body": _body(request)},
    }
    return json.dumps(whole) + "\n"


def dry_run_text(request: CreateRequest, url: str) -> str:
    """The prompt and the request, as a person reads them."""
    body = json.dumps(_body(request) | {"prompt": "(as above)"}, indent=2, ensure_ascii=False)
    shown = show_invisible(f"{request.prompt.rstrip(chr(10))}\n\nPOST {_address(url)}\n{body}")
    return f"{shown}\n\nDry run: nothing was sent.\n"


def sessions_document(found: Sequence[Session]) -> str:
    """The JSON document of ``--sessions --jules``."""
    sessions = [asdict(each) for each in found]
    return json.dumps({"schema": SCHEMA, "exit_code": 0, "sessions": sessions}) + "\n"


def sessions_table(found: Sequence[Session]) -> str:
    """A line for each session, the newest first."""
    rows = [
        (
            each.id,
            each.state,
            each.create_time or "-",
            each.source.removeprefix("sources/") or "-",
            each.pull_request or "-",
            summarize(each.title, 60) or "-",
        )
        for each in found
    ]
    colours = [_COLOURS.get(each.state, "magenta") for each in found]
    head = ("SESSION", "STATE", "CREATED", "SOURCE", "PULL REQUEST", "TITLE")
    return table(head, rows, column=1, colours=colours)


def status_text(result: JulesResult) -> str:
    """All known fields of one session, one a line."""
    session = result.session
    if session is None:
        return f"{summary_line(result)}\n"
    lines = {
        "session": session.id,
        "url": session.url,
        "state": coloured(session.state, _COLOURS.get(session.state)),
        "needs": session.needs_person,
        "title": printable(session.title),
        "source": printable(session.source),
        "created": printable(session.create_time),
        "updated": printable(session.update_time),
        "request": session.pull_request,
        "error": result.error,
        "message": summarize(result.message, 400) if result.message else None,
    }
    return "".join(f"{name:<10} {value}\n" for name, value in lines.items() if value)


def _address(url: str) -> str:
    return f"{url}/v1alpha/sessions"


def _body(request: CreateRequest) -> dict[str, object]:
    source = f"sources/github/{request.repository}"
    return request.body(source, request.branch or _DEFAULT_BRANCH)
