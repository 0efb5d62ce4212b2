"""Renders results as text for people and as JSON for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dxansible.record import FanoutOutcome
from dxansible.redact import printable
from dxansible.render.documents import SCHEMA, document, interrupted_document
from dxansible.render.show import coloured
from dxansible.render.tables import NOTHING, columns, duration, indented, missing_notes, table
from dxansible.results import counted, worst

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dxansible.results import FanoutResult, PreflightResult

__all__ = [
    "OUTCOME_COLOURS",
    "agent_in_words",
    "fanout_document",
    "health_document",
    "health_table",
    "summary_line",
]

OUTCOME_COLOURS = {
    FanoutOutcome.SUCCESS: "green",
    FanoutOutcome.FAILURE: "red",
    FanoutOutcome.TIMEOUT: "yellow",
    FanoutOutcome.ABORTED: "yellow",
    FanoutOutcome.PREFLIGHT_FAILED: "magenta",
}

_HEALTH = columns(
    "VM", "STATUS", "LATENCY", "USER", "AUTH", "AGENT", "LOAD", "RUNNING", "CAPABILITIES",
    "ALIASES",
    shown="STATUS",
    leave=("ALIASES", "CAPABILITIES", "AUTH", "USER", "AGENT", "LATENCY", "LOAD", "RUNNING"),
)  # fmt: skip


def summary_line(result: FanoutResult, width: int = 0) -> str:
    """Return one line about a host: outcome, exit code, duration, and what to do about it."""
    if result.outcome is None:
        back = f"starts in {duration(result.starts_s)}"
        back += f"; stop it with: dx-dispatch --abort {result.session_id}"
        return f"{result.host:<{width}}  {coloured('scheduled', 'cyan')}  {back}"
    outcome = coloured(f"{result.outcome:<16}", OUTCOME_COLOURS.get(result.outcome))
    code = "-" if result.exit_code is None else str(result.exit_code)
    end = f"exit {code:<4} {result.duration_ms / 1000:.2f} s"
    routine = "dim" if result.outcome is FanoutOutcome.SUCCESS else None
    line = f"{result.host:<{width}}  {outcome}  {coloured(end, routine)}"
    notes = []
    if result.attached:
        notes.append("attached: an earlier call has run it under this id")
    if result.left_running:
        notes.append(f"left {result.left_running} process(es) running")
    notes += missing_notes(result.truncation)
    error = (result.error or "").removeprefix(f"{result.host}: ")
    if error and error != f"exit code {code}":
        notes.append(printable(error))  # its remedy is its end
    return "  ".join([line, *notes])


def fanout_document(results: Sequence[FanoutResult], code: int) -> Iterator[str]:
    """Yield the JSON document of a fan-out in pieces: large outputs are never all copied.

    Without a result it is that of an interruption.
    """
    if not results:
        yield interrupted_document(code, "no longer watching", "call again")
        return
    unended = any(result.outcome is None for result in results)
    deciding = counted((result.outcome, result.reason) for result in results)
    outcome = None if unended else worst(deciding)
    head = {"schema": SCHEMA, "outcome": outcome, "exit_code": code}
    yield json.dumps(head)[:-1] + ', "results": ['
    for number, result in enumerate(results):
        yield (", " if number else "") + json.dumps(result.to_dict())
    yield "]}\n"


def health_document(results: Sequence[PreflightResult]) -> str:
    """Return the JSON document of a check."""
    good = all(result.ok for result in results)
    code = 0 if good else FanoutOutcome.PREFLIGHT_FAILED.exit_code
    return document(exit_code=code, hosts=[result.to_dict() for result in results])


def health_table(results: Sequence[PreflightResult], width: int | None = None) -> str:
    """Return a table of hosts, and below it what to do about those that can't be used.

    ``width`` is that of the terminal; None if there is none.
    """
    rows = [
        (
            result.host,
            str(result.status),
            NOTHING if result.latency_ms is None else f"{result.latency_ms} ms",
            result.user or NOTHING,
            result.auth_mode or NOTHING,
            agent_in_words(result),
            NOTHING if result.load is None else f"{result.load:.2f}",
            NOTHING if result.running is None else str(result.running),
            ",".join(result.capabilities) or NOTHING,
            ",".join(result.aliases) or NOTHING,
        )
        for result in results
    ]
    colours = ["green" if result.ok else "red" for result in results]
    errors = "".join(indented(result.error, width) for result in results if result.error)
    return table(_HEALTH, rows, colours, width) + errors


def agent_in_words(result: PreflightResult) -> str:
    """Return the agent of a host and its version, as far as they are known."""
    if result.agent is None or result.agent_found is None:
        return result.agent or NOTHING
    if not result.agent_found:
        return f"{result.agent} missing"
    return f"{result.agent} {result.agent_version or ''}".strip()
