# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Claims ends of turns, so that only one client reports each end to the audit trail.

A turn's meta names its trail. One note on the turn names the thread where the trail continues.
Another names the client that reports the end: the first client to make that note.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import agent_usage, finalize, link, turn_verdict
from .host_run import ask, poll
from .keeper_listing import FINALIZE
from .keeper_reply import CallError, CutShortError
from .machine import THIS_MACHINE, Machine
from .states import ENDED
from .stream_reader import StreamReader
from .turn import Trailer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .agents import Agent
    from .host_run import Steps
    from .keeper_listing import Entry
    from .keeper_reply import Session
    from .record import Verdict

_THREAD, _END = "slack", "slack-end"
_FACTS = ("directory", "branch", "commits", "files", "dirty", "head")
"""Fields that a record copies from a trailer."""
_MOST = 10
"""Ends claimed in one call; the next call claims the others."""
_TAIL_BYTES = 2**18
_ERROR_BYTES = 2**16
_POLLS = 8
"""Polls for reading these bytes, which may come in several pieces."""
_BUDGET_SECONDS = 4.0
"""No further end is claimed after this time."""
_CALL_SECONDS = 5.0
"""Time that a call may take beyond the time to connect."""


def claim_ends(  # noqa: PLR0913 - options by name
    host: str,
    turns: Iterable[Entry],
    known: Mapping[str, Agent],
    *,
    trail: str = "",
    connect_timeout: float = 5.0,
    machine: Machine = THIS_MACHINE,
) -> Steps[list[dict[str, Any]]]:
    """Claim ends that no client has reported yet. Returns their records, oldest first.

    With ``trail``, only the ends of that trail. Limits on number and time may leave some ends
    unclaimed. A call that fails stops the claiming; ends claimed before it count.
    """
    ends: list[dict[str, Any]] = []
    patience = connect_timeout + _CALL_SECONDS
    deadline = machine.now() + _BUDGET_SECONDS
    for entry in _untold(turns, trail)[:_MOST]:
        if machine.now() > deadline:
            break
        try:
            decided, reader = yield from read_end(host, entry, known, patience)
            notes = yield from _claim(entry.name, machine.token(8), patience)
        except CallError:
            break
        if notes is not None:
            seconds = max(0, entry.at - entry.began) if entry.at and entry.began else 0
            ends.append(
                _record(entry.session, entry.turn, entry.facts, decided)
                | {"claimed": True, "thread": notes.get(_THREAD, ""), "duration_ms": 1000 * seconds}
                | {"result": turn_facts(reader, entry.facts, entry), "truncation": entry.truncation}
            )
    return ends


def unclaimed_record(
    session: str, number: int, meta: Mapping[str, Any], decided: Verdict
) -> dict[str, Any]:
    """The record of an end that this client must not report, or not yet."""
    return _record(session, number, meta, decided) | {
        "claimed": False, "thread": "", "duration_ms": 0, "result": {},
    }  # fmt: skip


def note_thread(turns: Iterable[Entry], trail: str, thread: str, patience: float) -> Steps[None]:
    """Note a trail's thread on its turns. A call counts as lost after ``patience`` seconds."""
    for entry in turns:
        if entry.facts.get("trail") == trail:
            yield from _note(entry.name, _THREAD, thread, patience)


def turn_facts(reader: StreamReader, meta: Mapping[str, Any], told: Session) -> dict[str, Any]:
    """Facts about a turn from its output, and from what the VM ``told`` of it.

    None for those that the turn did not reach.
    """
    trailer = Trailer.parse(reader.trailer)
    return {
        "message": "" if reader.silent else reader.message,
        "native_id": reader.native_id or meta.get("native_id"),
        "verify_exit_code": trailer.verify,
        **{name: getattr(trailer, name) for name in _FACTS},
        "push": finalize.push_of(trailer) if meta.get(FINALIZE) else None,
        "usage": agent_usage.of_turn(told),
        "resets_at": told.limited or None,
        "left_out": [{"why": why, "path": path} for why, path in trailer.left_out],
    }


def _untold(turns: Iterable[Entry], trail: str) -> list[Entry]:
    found = [entry for entry in turns if entry.state in ENDED and _END not in entry.notes]
    trails = [(entry, entry.facts.get("trail")) for entry in found]
    wanted = [entry for entry, its in trails if isinstance(its, str) and trail in {"", its}]
    return sorted(wanted, key=lambda entry: entry.at or 0)


def read_end(
    host: str, entry: Entry, known: Mapping[str, Agent], patience: float
) -> Steps[tuple[Verdict, StreamReader]]:
    """Read the end of a turn's output. Returns the verdict, and the reader of that output.

    A call counts as lost after ``patience`` seconds.
    """
    agent = finalize.author_of(entry, known)
    reader = StreamReader(agent)
    out = max(0, entry.out_total - _TAIL_BYTES)
    err = max(0, entry.err_total - _ERROR_BYTES)
    if out:
        reader.skip()
    polls = 0
    while True:
        reply = yield from poll(patience, entry.name, {"out": out, "err": err})
        if reply.out_from > out:
            reader.skip()
        reader.feed_error(reply.err)
        reader.feed(reply.out)
        out, err = reply.out_upto, reply.err_upto
        polls += 1
        if reply.complete or polls == _POLLS:
            break
    reader.close()
    return turn_verdict.judge(host, agent, reply, reader, entry.limits), reader


def _claim(name: str, claim: str, patience: float) -> Steps[dict[str, str] | None]:
    """Claim the end of a turn. Returns all its notes, or None if another client has the end."""
    try:
        notes = yield from _note(name, _END, claim, patience)
    except (link.LinkError, CutShortError):  # the note may have arrived: try again to find out
        notes = yield from _note(name, _END, claim, patience)
    return notes if notes.get(_END) == claim else None


def _note(name: str, note: str, text: str, patience: float) -> Steps[dict[str, str]]:
    return ask(patience, lambda door: door.keeper.note(name, note, text))


def _record(session: str, number: int, meta: Mapping[str, Any], decided: Verdict) -> dict[str, Any]:
    return {
        "id": session,
        "turn": number,
        "trail": str(meta.get("trail")),
        "agent": meta.get("agent"),
        "meta": dict(meta),
        **decided.as_dict(),
    }
