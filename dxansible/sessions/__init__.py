"""Agents' sessions on the fleet: the Python interface."""

from dxansible.record import Changes, LeftOut, Push
from dxansible.sessions.by_id import (
    abort_session,
    find_commands,
    find_session,
    follow_session,
    locate,
)
from dxansible.sessions.finalize import FinalizeOptions, finalize_session
from dxansible.sessions.options import SessionOptions
from dxansible.sessions.resolve import resolve_id
from dxansible.sessions.start import start_session
from dxansible.sessions.view import (
    Choice,
    SessionList,
    TrailPart,
    choose_host,
    clean_sessions,
    list_sessions,
)
from dxansible.turn import CleanResult, SessionInfo, TurnResult

__all__ = [
    "Changes",
    "Choice",
    "CleanResult",
    "FinalizeOptions",
    "LeftOut",
    "Push",
    "SessionInfo",
    "SessionList",
    "SessionOptions",
    "TrailPart",
    "TurnResult",
    "abort_session",
    "choose_host",
    "clean_sessions",
    "finalize_session",
    "find_commands",
    "find_session",
    "follow_session",
    "list_sessions",
    "locate",
    "resolve_id",
    "start_session",
]
