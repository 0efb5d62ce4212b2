"""Finds the command line that opens the agent's own screen on a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.errors import UsageError
from dxansible.run.attach_sessions import find_session
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
    listener = _Listener()
    session = find_session(session_id, settings, observers=[listener], opens=True)
    seen = listener.seen
    if seen is None or not seen.opens:
        message = f"{session_id} can't be opened: {seen and seen.closed}"
        raise UsageError(message, f"see: dx-dispatch --status {session_id}")
    return WayIn(words=seen.opens, session=session)
