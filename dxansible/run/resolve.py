"""Turns what a user typed into session ids."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from dxansible.errors import UnknownSessionError, UsageError
from dxansible.ids import begins_id, is_agent_session, is_command, is_whole, run_of
from dxansible.logs import event
from dxansible.run.attach_sessions import nearest
from dxansible.run.listing import list_sessions

if TYPE_CHECKING:
    from dxansible.settings import Settings

__all__ = ["resolve_id", "resolve_session"]

_MOST_SHOWN = 8


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
        raise UnknownSessionError(typed, nearest(typed, known), silent)
    if len(groups) > 1:
        names = sorted(groups)
        more = f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
        message = f"{len(names)} ids begin with {typed}"
        raise UsageError(message, f"give one of them: {', '.join(names[:_MOST_SHOWN])}{more}")
    return tuple(next(iter(groups.values())))
