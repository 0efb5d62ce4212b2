# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ends of turns that an audit trail is to be told of, each by one client only.

A turn's meta names the trail that it belongs to. Notes on the turn say where the trail goes on, and
which client tells the end: the first to make that note.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

from . import finalize, link, turn_verdict
from .host_run import ask
from .keeper_reply import ENDED, CutShortError, KeeperError
from .stream_reader import StreamReader
from .turn import Trailer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .agents import Agent
    from .fleet_view import Entry
    from .host_run import Steps
    from .keeper_reply import Reply
    from .verdict import Verdict

__all__ = ["claim_ends", "note_thread", "read_end", "trailer_facts", "unclaimed_record"]

_THREAD, _END = "slack", "slack-end"
_FACTS = ("directory", "branch", "commits", "files", "dirty", "head")
"""What a record has of a trailer by the same names."""
_MOST = 10
"""Ends claimed in one call; the others are left to the next."""
_TAIL_BYTES = 2**18
_ERROR_BYTES = 2**16
_POLLS = 8
"""To read so much, which may be in several pieces."""
_BUDGET_SECONDS = 4.0
"""After that no further end is begun with."""
_CALL_SECONDS = 5.0
"""That a call may take beyond the time for a connection to come up."""


def claim_ends(
    host: str,
    turns: Iterable[Entry],
    known: Mapping[str, Agent],
    *,
    trail: str = "",
    connect_timeout: float = 5.0,
) -> Steps[list[dict[str, Any]]]:
    """Claim the ends that nobody has told yet, and say what became of those turns; oldest first.

    With ``trail``, only those of that one. Not all are claimed where that would take long. A call
    that fails ends it, and what was claimed by then counts.
    """
    ends: list[dict[str, Any]] = []
    patience = connect_timeout + _CALL_SECONDS
    deadline = time.monotonic() + _BUDGET_SECONDS
    for entry in _untold(turns, trail)[:_MOST]:
        if time.monotonic() > deadline:
            break
        try:
            decided, reader = yield from read_end(host, entry, known, patience)
            notes = yield from _claim(entry.name, patience)
        except (link.LinkError, link.CallTimeoutError, KeeperError):
            break
        if notes is not None:
            seconds = (entry.at or 0) - (entry.began or 0) if entry.at and entry.began else 0
            ends.append(
                _record(entry.session, entry.turn, entry.facts, decided)
                | {"claimed": True, "thread": notes.get(_THREAD, ""), "duration_ms": 1000 * seconds}
                | {"result": trailer_facts(reader, entry.facts), "truncation": entry.truncation}
            )
    return ends


def unclaimed_record(
    session: str, number: int, meta: Mapping[str, Any], decided: Verdict
) -> dict[str, Any]:
    """The record of an end that is not, or not yet, for this client to tell."""
    return _record(session, number, meta, decided) | {
        "claimed": False, "thread": "", "duration_ms": 0, "result": {},
    }  # fmt: skip


def note_thread(turns: Iterable[Entry], trail: str, thread: str, patience: float) -> Steps[None]:
    """Note on the turns of a trail where it goes on; a call counts as lost after ``patience`` s."""
    for entry in turns:
        if entry.facts.get("trail") == trail:
            yield from _note(entry.name, _THREAD, thread, patience)


def trailer_facts(reader: StreamReader, meta: Mapping[str, Any]) -> dict[str, Any]:
    """What the output of a turn says of it; None where it had not come to that."""
    trailer = Trailer.parse(reader.trailer)
    return {
        "message": "" if reader.silent else reader.message,
        "native_id": reader.native_id or meta.get("native_id"),
        "verify_exit_code": trailer.verify,
        **{name: getattr(trailer, name) for name in _FACTS},
        "push": finalize.push_of(trailer) if meta.get(finalize.MARK) else None,
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
    """How a turn has ended, by the end of its output, and what that says.

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
        reply = yield from _poll(entry.name, {"out": out, "err": err}, patience)
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


def _claim(name: str, patience: float) -> Steps[dict[str, str] | None]:
    """All notes on the turn if its end is ours to tell, else None."""
    ours = secrets.token_hex(8)
    try:
        notes = yield from _note(name, _END, ours, patience)
    except (link.LinkError, CutShortError):  # it may have been made before the connection went
        notes = yield from _note(name, _END, ours, patience)
    return notes if notes.get(_END) == ours else None


def _note(name: str, note: str, text: str, patience: float) -> Steps[dict[str, str]]:
    return ask(patience, lambda door: door.keeper.note(name, note, text))


def _poll(name: str, asked: dict[str, object], patience: float) -> Steps[Reply]:
    return ask(patience, lambda door: door.keeper.poll(name, asked))


def _record(session: str, number: int, meta: Mapping[str, Any], decided: Verdict) -> dict[str, Any]:
    return {
        "id": session,
        "turn": number,
        "trail": str(meta.get("trail")),
        "agent": meta.get("agent"),
        "meta": dict(meta),
        **decided.as_dict(),
    }
