"""Notes the sessions that a call has seen, for completion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.ids import run_of
from dxansible.run.turn_events import TurnUpdate
from dxansible.seen import Sighting, note_sessions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dxansible.results import SessionInfo
    from dxansible.run.events import Event

__all__ = ["Noted", "note_listed"]


class Noted:
    """Observer that notes each session once its VM has the task."""

    def handle(self, news: Event) -> None:
        """Note the session of a turn that has started."""
        if isinstance(news, TurnUpdate) and news.started:
            agent = news.agent or ""
            seen = Sighting(id=news.session_id, kind="agent", host=news.host, agent=agent)
            note_sessions([seen])


def note_listed(sessions: Iterable[SessionInfo]) -> None:
    """Note sessions that VMs have listed; the commands of one run have one id."""
    note_sessions(
        Sighting(
            id=run_of(each.session_id) if each.kind == "command" else each.session_id,
            kind=each.kind,
            host=each.host,
            agent=each.agent or "",
        )
        for each in sessions
    )
