"""Finds, follows or stops an agent's session by its id alone, or by the beginning of its id."""

from __future__ import annotations

import difflib
import logging
import threading
from typing import TYPE_CHECKING, Literal

from dxansible.errors import SilentHostError, UnknownSessionError, UsageError
from dxansible.ids import begins_id, is_agent_session, is_command, is_whole, run_of
from dxansible.logs import event
from dxansible.record import Reason
from dxansible.results import TurnResult
from dxansible.run.event_log import EventLog
from dxansible.run.gather import ResultCollector
from dxansible.run.hosts import hosts_of, hosts_of_ids
from dxansible.run.listing import list_sessions
from dxansible.run.plays import Play
from dxansible.run.stops import answer_of, end_stop
from dxansible.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dxansible.results import SessionInfo
    from dxansible.run.events import Observer
    from dxansible.run.listing import SessionList
    from dxansible.run.request import PlayEnd

__all__ = [
    "abort_session",
    "find_commands",
    "find_session",
    "follow_session",
    "last_word",
    "locate",
    "resolve_id",
    "resolve_session",
    "unknown_session",
]

_MOST_SHOWN = 8


def locate(session_id: str, settings: Settings) -> str:
    """Return the host of a session: from its id if possible, else by asking all hosts.

    Raises UnknownSessionError.
    """
    (named,) = hosts_of_ids([session_id], settings)
    if named is not None:
        return named
    found = list_sessions("all", settings, only="agents")
    hosts = {each.session_id: each.host for each in found.sessions}
    if session_id not in hosts:
        silent = ", ".join(sorted(found.errors))
        raise UnknownSessionError(session_id, _nearest(session_id, list(hosts)), silent)
    return hosts[session_id]


def find_session(
    session_id: str,
    settings: Settings | None = None,
    *,
    observers: Sequence[Observer] = (),
    claim_ends: bool = False,
    opens: bool = False,
) -> SessionInfo:
    """Return a session as its VM reports it.

    ``observers``, ``claim_ends`` and ``opens`` are as for `list_sessions`. Raises
    UnknownSessionError and SilentHostError.
    """
    chosen = settings or Settings.load()
    host = locate(session_id, chosen)
    found = list_sessions(
        host, chosen, session=session_id, only="agents",
        observers=observers, claim_ends=claim_ends, opens=opens,
    )  # fmt: skip
    if found.errors:
        raise SilentHostError(found.errors[host], "try again when the VM answers")
    if not found.sessions:
        raise unknown_session(session_id, host, chosen)
    return found.sessions[0]


def find_commands(session_ids: Sequence[str], settings: Settings | None = None) -> SessionList:
    """Return the commands of one run as their VMs report them.

    Raises UnknownSessionError and SilentHostError.
    """
    chosen = settings or Settings.load()
    hosts = hosts_of(session_ids, chosen)
    run = f"{run_of(session_ids[0])}-"
    found = list_sessions(",".join(hosts), chosen, prefix=run, only="commands")
    found.sessions = [each for each in found.sessions if each.session_id in session_ids]
    if not found.sessions and found.errors:
        raise SilentHostError("; ".join(found.errors.values()), "try again when the VM answers")
    if not found.sessions:
        raise UnknownSessionError(session_ids[0], ())
    return found


def follow_session(  # noqa: PLR0913 - all but the first two are options by name
    session_id: str,
    settings: Settings | None = None,
    *,
    turn: int | None = None,
    tail: bool = False,
    view: Literal["", "transcript", "raw"] = "",
    wait: bool = True,
    observers: Sequence[Observer] = (),
    cancelled: threading.Event | None = None,
    claim_ends: bool = False,
) -> TurnResult:
    """Follow a session from its first byte, or from the first byte of one turn.

    ``tail`` begins near the end instead. ``view``: the observers get all text of the agent's
    events, a transcript with its words and a line for each tool, or its output as it is. ``wait``
    follows to the end; without it, the call stops at
    the output so far. ``observers`` and ``claim_ends`` are as for `list_sessions`. Raises
    UnknownSessionError.
    """
    chosen, gone = settings or Settings.load(), cancelled or threading.Event()
    host = locate(session_id, chosen)
    log = EventLog(watching=True)
    collector = ResultCollector(
        TurnResult, [log, *observers], session=session_id, machine=chosen.machine
    )
    variables: dict[str, object] = {
        "dx_session": session_id,
        "dx_wait": wait,
        "dx_tail": tail,
        "dx_view": view,
        "dx_claim_ends": claim_ends,
    }
    if turn is not None:
        variables["dx_turn"] = turn
    end = Play(
        chosen, "follow-session.yml", limit=host, variables=variables, cancelled=gone
    ).follow(collector.handle, collector.again(host))
    collector.expect(host, session_id)
    if gone.is_set():
        collector.detach()
    return last_word(collector, end, session_id, chosen)


def last_word(
    collector: ResultCollector[TurnResult], end: PlayEnd, session_id: str, settings: Settings
) -> TurnResult:
    """Return the result of a run over one session. Raises UnknownSessionError."""
    collector.end_silent(end)
    ((host, result),) = collector.results.items()
    if result.reason is Reason.UNKNOWN_SESSION:
        raise unknown_session(session_id, host, settings)
    return result


def abort_session(
    session_id: str,
    settings: Settings | None = None,
    *,
    observers: Sequence[Observer] = (),
    claim_ends: bool = False,
) -> TurnResult:
    """Stop the running turn of a session, and verify that its processes are gone.

    A turn that had ended by itself keeps its outcome, and ``error`` says so. A VM that does not
    answer is a FAILURE, LOST_CONTACT. ``observers`` and ``claim_ends`` are as for `list_sessions`.
    Raises UnknownSessionError.
    """
    chosen = settings or Settings.load()
    host = locate(session_id, chosen)
    collector = ResultCollector(TurnResult, observers, session=session_id, machine=chosen.machine)
    end = Play(
        chosen,
        "stop-session.yml",
        limit=host,
        variables={"dx_session": session_id, "dx_claim_ends": claim_ends},
    ).follow(
        lambda news: collector.handle(answer_of(news, lambda _host: session_id)),
        collector.ask_again(host),
    )
    collector.expect(host, session_id)
    end_stop(collector, end, lambda _host: session_id)
    return last_word(collector, end, session_id, chosen)


def unknown_session(session_id: str, host: str, settings: Settings) -> UnknownSessionError:
    """Return the error for an id that its VM doesn't know, with the nearest ids that it knows."""
    known = [each.session_id for each in list_sessions(host, settings, only="agents").sessions]
    return UnknownSessionError(session_id, _nearest(session_id, known))


def _nearest(session_id: str, known: list[str]) -> list[str]:
    """Return up to three known ids that are most like an unknown one."""
    begun = [each for each in known if each.startswith(session_id)]
    return (begun or difflib.get_close_matches(session_id, known, n=3, cutoff=0.75))[:3]


def resolve_session(typed: str, settings: Settings, pattern: str | None = None) -> str:
    """Return the id of an agent's session, of which ``typed`` may be the unique beginning.

    The VMs of the pattern are asked unless it is a whole id. If they don't know one, an id that an
    agent may have made itself is returned as it is. Without a pattern all VMs are asked, and the
    session has to be one that they know. Raises UnknownSessionError, and UsageError if several
    begin so, or if it is a command.
    """
    if is_whole(typed):
        return typed
    try:
        found = resolve_id(typed, settings, pattern or "all")[0]
    except UnknownSessionError:
        if pattern is None or not is_agent_session(typed):
            raise
        return typed
    if is_command(found):
        message = f"{found} is a command, and no session of an agent"
        raise UsageError(message, "see: dx-dispatch --sessions --agents")
    return found


def resolve_id(typed: str, settings: Settings, pattern: str = "all") -> tuple[str, ...]:
    """Return the ids of the typed sessions: one of an agent, or the commands of one run.

    ``typed`` is an id, the id of a run, or the unique beginning of one. The VMs of the pattern are
    asked unless it is a whole id. Raises UnknownSessionError, and UsageError if several begin so.
    """
    if is_whole(typed):
        return (typed,)
    if not begins_id(typed):  # an empty one would mean the only session there is
        message = f"{typed!r} is not a session id"
        raise UsageError(message, "see: dx-dispatch --sessions")
    found = list_sessions(pattern, settings, prefix=typed)
    for host, error in found.errors.items():
        event("vm_not_asked", logging.WARNING, host=host, error=error)
    begun: dict[str, list[str]] = {}  # by the run, or the agent's session
    for each in found.sessions:
        name = run_of(each.session_id) if each.kind == "command" else each.session_id
        begun.setdefault(name, []).append(each.session_id)
    groups = {typed: begun[typed]} if typed in begun else begun
    if not groups:
        known = [each.session_id for each in list_sessions(pattern, settings).sessions]
        silent = ", ".join(sorted(found.errors))
        raise UnknownSessionError(typed, _nearest(typed, known), silent)
    if len(groups) > 1:
        names = sorted(groups)
        more = f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
        message = f"{len(names)} ids begin with {typed}"
        raise UsageError(message, f"give one of them: {', '.join(names[:_MOST_SHOWN])}{more}")
    return tuple(next(iter(groups.values())))
