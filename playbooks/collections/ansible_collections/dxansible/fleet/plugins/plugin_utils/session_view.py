# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What one listing of the keeper says of agent sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import finalize, turn, turn_verdict, verdict
from .keeper import ENDED, Reply
from .stream_reader import StreamReader
from .turn_ends import read_end

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .agents import Agent
    from .host_run import Steps
    from .keeper import Entry
    from .verdict import Verdict

__all__ = ["describe", "describe_command", "state_of"]

_STATES = {"TIMEOUT": "timeout", "ABORTED": "aborted", "SUCCESS": "succeeded"}


def describe(  # noqa: PLR0913, PLR0917 - what a listing knows
    host: str,
    session: str,
    turns: list[tuple[int, Entry]],
    known: Mapping[str, Agent],
    now: int | None,
    patience: float,
) -> Steps[dict[str, Any]]:
    """One session by its last turn that was not refused.

    ``now`` is the VM's clock, in seconds since the epoch. Where the listing has too little of the
    turn's output more is read, in calls that count as lost after ``patience`` seconds.
    """
    turns = finalize.without_refused(turns) or turns
    number, entry = turns[-1]
    meta = turn.read_meta(entry.meta)
    found = yield from _judge(host, entry, meta, known, patience)
    began = turns[0][1].began
    ended = entry.at
    return {
        "kind": "agent",
        "session": session,
        "started_for": meta.get("host"),
        "turn": number,
        "turns": len(turns),
        "agent": meta.get("agent"),
        "state": state_of(found),
        "outcome": None if found.outcome == "RUNNING" else str(found.outcome),
        "reason": str(found.reason),
        "error": found.error,
        "exit_code": found.exit_code,
        "asks": getattr(found, "asks", False),
        "truncation": turn_verdict.missing(entry),
        "age_s": _since(began, now),
        "idle_s": entry.idle if entry.idle is not None else _since(ended, now),
        "task": meta.get("task"),
        "first_task": turn.read_meta(turns[0][1].meta).get("task"),
        "beads": meta.get("beads"),
        "repo": meta.get("repo"),
    }


def describe_command(host: str, entry: Entry, now: int | None) -> dict[str, Any]:
    """A command. ``now`` as for `describe`."""
    told = turn.read_meta(entry.meta)
    found = turn_verdict.RUNNING
    if entry.state in ENDED:
        reply = Reply(state=entry.state, code=entry.code, verified=entry.verified, left=entry.left)
        found = verdict.from_reply(host, reply, None)
    return {
        "kind": "command",
        "session": entry.name,
        "started_for": told.get("host"),
        "turn": 0,
        "turns": 0,
        "state": state_of(found),
        "outcome": None if found.outcome == "RUNNING" else str(found.outcome),
        "reason": str(found.reason),
        "error": found.error,
        "exit_code": found.exit_code,
        "truncation": turn_verdict.missing(entry),
        "age_s": _since(entry.began, now),
        "idle_s": entry.idle if entry.idle is not None else _since(entry.at, now),
        "task": told.get("task"),
    }


def state_of(found: Verdict) -> str:
    """One word for a person."""
    if found.outcome == "RUNNING":
        return "running"
    if found.reason in {"lost", "needs_input"}:
        return str(found.reason)
    return _STATES.get(str(found.outcome), "failed")


def _judge(
    host: str,
    entry: Entry,
    meta: Mapping[str, Any],
    known: Mapping[str, Agent],
    patience: float,
) -> Steps[Verdict]:
    if entry.state not in ENDED:
        return turn_verdict.RUNNING
    agent = finalize.output_author(meta, known.get(str(meta.get("agent"))) or known["shell"])
    reader = StreamReader(agent)
    if entry.state == "exited":
        whole = entry.out_total <= len(entry.last)
        if not whole:
            reader.skip()  # it begins in the middle of a line
        reader.feed(entry.last)
        reader.close()
        unclear = not reader.finished or not (whole or reader.message)
        if entry.code == 0 and agent.reports_end and unclear:
            decided, _ = yield from read_end(host, entry, agent, meta, patience)
            return decided
    reply = Reply(
        state=entry.state,
        code=entry.code,
        verified=entry.verified,
        left=entry.left,
        full=entry.full,
    )
    return turn_verdict.judge(host, agent, reply, reader, turn.limits_of(meta))


def _since(moment: int | None, now: int | None) -> int | None:
    return None if moment is None or now is None else max(0, now - moment)
