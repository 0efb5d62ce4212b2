# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Describes agent sessions and commands from a listing of the keeper."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import agent_usage, finalize, turn_verdict, verdict
from .keeper_reply import UnknownStateError
from .record import FanoutOutcome, Reason
from .states import ENDED, SESSION_STATES, ListedState, SessionState
from .stream_reader import StreamReader
from .turn_ends import read_end

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .agents import Agent
    from .host_run import Steps
    from .keeper_listing import Entry
    from .record import Verdict

_MESSAGE = 400
"""Characters of a message in a listing."""
_LISTED: Mapping[str | None, ListedState] = {
    Reason.LOST: ListedState.LOST,
    Reason.NEEDS_INPUT: ListedState.NEEDS_INPUT,
    FanoutOutcome.SUCCESS: ListedState.SUCCEEDED,
    FanoutOutcome.TIMEOUT: ListedState.TIMEOUT,
    FanoutOutcome.ABORTED: ListedState.ABORTED,
}
"""The states of sessions that have ended, by reason or outcome; all others have failed."""


def describe(
    host: str,
    turns: list[Entry],
    known: Mapping[str, Agent],
    now: int | None,
    patience: float,
) -> Steps[dict[str, Any]]:
    """Describe one session by its last turn, not counting refused finalizes.

    ``now`` is the VM's clock, in seconds since the epoch. If the listing has too little of the
    turn's output, further calls read more; they count as lost after ``patience`` seconds.
    """
    usage = agent_usage.of_session(turns)
    turns = finalize.without_refused(turns) or turns
    first, entry = turns[0], turns[-1]
    meta = entry.facts
    found, message = yield from _judge(host, entry, known, patience)
    told = _described(host, entry, found, first.began, now) | {
        "kind": "agent",
        "turns": len(turns),
        "agent": meta.get("agent"),
        "asks": getattr(found, "asks", False),
        "message": message,
        "first_task": first.facts.get("task"),
        "beads": meta.get("beads"),
        "repo": meta.get("repo"),
        "usage": usage,
        "resets_at": entry.limited if found.reason == "usage_limit" else None,
        "resumes_s": entry.resumes,
    }
    if entry.resumes is not None:
        told["state"] = ListedState.LIMITED.value
    limit = meta.get("max_cost")
    cost = agent_usage.over_limit(usage, limit) if told["state"] == ListedState.SUCCEEDED else None
    if cost is not None:
        told |= {
            "state": ListedState.NEEDS_INPUT.value,
            "error": f"{host}: {turn_verdict.cost_text(entry.session, cost, limit)}",
        }
    return told


def describe_command(host: str, entry: Entry, now: int | None) -> dict[str, Any]:
    """Describe a command. ``now`` is as for `describe`."""
    ended = entry.state in ENDED
    found = verdict.from_reply(host, entry, None) if ended else verdict.RUNNING
    return _described(host, entry, found, entry.began, now) | {"kind": "command", "turns": 0}


def _described(
    host: str, entry: Entry, found: Verdict, began: int | None, now: int | None
) -> dict[str, Any]:
    told = found.as_dict()
    described = {
        "session": entry.session,
        "started_for": entry.facts.get("host"),
        "turn": entry.turn,
        "state": state_of(found),
        "outcome": found.outcome and told["outcome"],
        "reason": told["reason"],
        "error": found.error,
        "exit_code": found.exit_code,
        "truncation": entry.truncation,
        "age_s": _since(began, now),
        "idle_s": entry.idle if entry.idle is not None else _since(entry.at, now),
        "task": entry.facts.get("task"),
    }
    if entry.state == SessionState.SCHEDULED:
        listed = ListedState.SCHEDULED.value
        described |= {"state": listed, "starts_s": entry.starts, "idle_s": None}
    elif entry.state not in SESSION_STATES:
        described |= {"state": entry.state, **_unread(host, entry)}
    return described


def _unread(host: str, entry: Entry) -> dict[str, Any]:
    """What is said of a session in a state that no table has: neither that it runs nor its end."""
    text = f"{host}: {UnknownStateError(entry.state)}; so its outcome is unknown"
    return {"reason": Reason.LOST_CONTACT.value, "error": text}


def state_of(found: Verdict) -> str:
    """The state in one word, for people."""
    if found.outcome is None:
        return ListedState.RUNNING.value
    known = _LISTED.get(found.reason) or _LISTED.get(found.outcome) or ListedState.FAILED
    return known.value


def _judge(
    host: str, entry: Entry, known: Mapping[str, Agent], patience: float
) -> Steps[tuple[Verdict, str | None]]:
    """Judge a turn. Returns its last words, too; None if they are not known."""
    if entry.state not in ENDED:
        return verdict.RUNNING, _last_line(_shown(entry, known))
    agent = finalize.author_of(entry, known)
    reader = StreamReader(agent)
    if entry.state == SessionState.EXITED:
        whole = entry.out_total <= len(entry.last)
        if not whole:
            reader.skip()  # it starts in the middle of a line
        reader.feed(entry.last)
        reader.close()
        unclear = not reader.finished or not (whole or reader.message)
        if entry.code == 0 and agent.reports_end and unclear:
            decided, read = yield from read_end(host, entry, known, patience)
            return decided, _last_line(read.message)
    decided = turn_verdict.judge(host, agent, entry, reader, entry.limits)
    return decided, _last_line(reader.message)


def _shown(entry: Entry, known: Mapping[str, Agent]) -> str:
    """Return the end of what is shown of a running turn."""
    reader = StreamReader(finalize.author_of(entry, known))
    if entry.out_total > len(entry.said):
        reader.skip()  # as in `_judge`
    return reader.feed(entry.said)


def _last_line(message: str | None) -> str | None:
    """Return the last line of a message; None if the message says nothing.

    The line is not cut at its start: a secret without what names it would not be masked.
    """
    lines = (message or "").strip().splitlines()
    line = lines[-1].strip() if lines else ""
    return line[:_MESSAGE] or None


def _since(moment: int | None, now: int | None) -> int | None:
    return None if moment is None or now is None else max(0, now - moment)
