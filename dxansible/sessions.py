"""Agents' sessions on the fleet: the Python interface."""

from dxansible.record import Changes, LeftOut, Push
from dxansible.results import CleanResult, SessionInfo, TurnResult
from dxansible.run.attach_sessions import (
    abort_session,
    find_commands,
    find_session,
    follow_session,
    locate,
    resolve_id,
    resolve_session,
)
from dxansible.run.diff import diff_session
from dxansible.run.finalize import FinalizeOptions, finalize_session
from dxansible.run.listing import SessionList, clean_sessions, list_sessions
from dxansible.run.options import SessionOptions
from dxansible.run.preflight import Choice, choose_host
from dxansible.run.start import start_session

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
    "TurnResult",
    "abort_session",
    "choose_host",
    "clean_sessions",
    "diff_session",
    "finalize_session",
    "find_commands",
    "find_session",
    "follow_session",
    "list_sessions",
    "locate",
    "resolve_id",
    "resolve_session",
    "start_session",
]
