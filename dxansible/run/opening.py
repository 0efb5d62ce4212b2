"""Finds the command line that opens the agent's own screen on a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.errors import SilentHostError, UsageError
from dxansible.run.attach_sessions import locate, unknown_session
from dxansible.run.listing import list_sessions
from dxansible.run.turn_events import SessionsSeen
from dxansible.value import Value

if TYPE_CHECKING:
    from dxansible.results import SessionInfo
    from dxansible.run.events import Event
    from dxansible.settings import Settings

__all__ = ["WayIn", "find_way_in"]


class WayIn(Value):
    """The words of the command line, and the session as its VM reports it."""

    words: tuple[str, ...]
    session: SessionInfo


class _Listener:
    """Observer that keeps what a host has listed."""

    seen: SessionsSeen | None = None

    def handle(self, news: Event) -> None:
        """Keep it."""
        if isinstance(news, SessionsSeen):
            self.seen = news


def find_way_in(session_id: str, settings: Settings) -> WayIn:
    """Return how to open a session.

    Raises UnknownSessionError, SilentHostError, and UsageError if it can't be opened.
    """
    host, listener = locate(session_id, settings), _Listener()
    found = list_sessions(
        host, settings, session=session_id, only="agents", opens=True, observers=[listener]
    )
    if found.errors:
        raise SilentHostError(found.errors[host], "try again when the VM answers")
    if not found.sessions or listener.seen is None:
        raise unknown_session(session_id, host, settings)
    if not listener.seen.opens:
        message = f"{session_id} can't be opened: {listener.seen.closed}"
        raise UsageError(message, f"see: dx-dispatch --status {session_id}")
    return WayIn(words=listener.seen.opens, session=found.sessions[0])
