"""JSON documents and events: what all have in common, and those of a call without a result."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dxansible.errors import DxError

__all__ = [
    "SCHEMA",
    "document",
    "error_document",
    "event_line",
    "interrupted_document",
    "problem_of",
]

SCHEMA = 1
"""Version of the JSON documents; raised when a field changes its meaning or goes away."""


def document(**fields: object) -> str:
    """Return a JSON document with these fields, in this order."""
    return json.dumps({"schema": SCHEMA, **fields}) + "\n"


def event_line(event: str, call_id: str | None = None, **fields: object) -> str:
    """Return an event of ``--jsonl`` and DX_EVENTS: one line.

    ``call_id`` is the id for ``--logs``; None before the call has one.
    """
    seconds, milliseconds = divmod(time.time_ns() // 1_000_000, 1000)
    moment = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{milliseconds:03}Z"
    return document(event=event, time=moment, id=call_id, pid=os.getpid(), **fields)


def error_document(error: DxError, *, as_event: bool = False) -> str:
    """Return the JSON document, or the last event, of a call without a result."""
    return _without_result(error.exit_code, problem_of(error), as_event=as_event)


def problem_of(error: DxError) -> dict[str, str]:
    """Return an error as documents and events have it."""
    return {"type": type(error).__name__, "message": error.message, "remedy": error.remedy}


def interrupted_document(
    exit_code: int,
    message: str = "interrupted",
    remedy: str = "call again",
    *,
    as_event: bool = False,
) -> str:
    """Return the same of a call that was interrupted before it had a result."""
    problem = {"type": "Interrupted", "message": message, "remedy": remedy}
    return _without_result(exit_code, problem, as_event=as_event)


def _without_result(exit_code: int, problem: dict[str, str], *, as_event: bool) -> str:
    if as_event:
        return event_line("error", exit_code=exit_code, error=problem)
    return document(exit_code=exit_code, error=problem)
