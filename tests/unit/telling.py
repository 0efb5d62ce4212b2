"""Tells events to observers in tests, as the collector does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.run.host_moves import HostMoves

if TYPE_CHECKING:
    from dxansible.run.events import Event, Observer

__all__ = ["Telling"]


class Telling:
    """Tells each event to observers, and before it the moves of its hosts."""

    def __init__(self, *observers: Observer) -> None:
        self._observers, self._moves = observers, HostMoves()

    def handle(self, news: Event) -> None:
        for told in self._moves.tell(news):
            for observer in self._observers:
                observer.handle(told)
