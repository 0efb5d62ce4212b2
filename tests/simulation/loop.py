"""The events of a history in the order of their virtual time."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Chance", "EndlessError", "Loop"]

_MOST_EVENTS = 60_000


class EndlessError(Exception):
    """A history has too many events to come to an end."""


class Loop:
    """Runs what is due, one at a time. ``now`` is in seconds."""

    __slots__ = ("_count", "_heap", "now", "stopped")

    def __init__(self) -> None:
        """Begin at moment 0."""
        self.now = 0.0
        self.stopped = False
        self._heap: list[tuple[float, int, Callable[..., object], tuple[object, ...]]] = []
        self._count = 0

    def at(self, moment: float, call: Callable[..., object], *arguments: object) -> None:
        """Call at a moment; at once if that is over."""
        self._count += 1
        heapq.heappush(self._heap, (max(moment, self.now), self._count, call, arguments))

    def after(self, seconds: float, call: Callable[..., object], *arguments: object) -> None:
        """Call after some time."""
        self._count += 1
        heapq.heappush(self._heap, (self.now + seconds, self._count, call, arguments))

    def step(self, until: float) -> bool:
        """Run what is due next. False, at the moment given, if nothing is before it."""
        heap = self._heap
        if not heap or heap[0][0] > until:
            self.now = max(self.now, until)
            return False
        self.now, _count, call, arguments = heapq.heappop(heap)
        call(*arguments)
        if self._count > _MOST_EVENTS:
            raise EndlessError
        return True

    def run(self, until: float) -> None:
        """Run to a moment, or to the last event. Raises EndlessError."""
        heap, pop = self._heap, heapq.heappop
        while heap and not self.stopped:
            if heap[0][0] > until:
                break
            moment, _count, call, arguments = pop(heap)
            self.now = moment
            call(*arguments)
            if self._count > _MOST_EVENTS:
                raise EndlessError


class Chance:
    """Cheap pseudo-random numbers, the same for the same seed."""

    __slots__ = ("_state",)

    def __init__(self, seed: int) -> None:
        """Begin with a seed."""
        self._state = (seed * 2654435761 + 97) & 0xFFFFFFFF

    def __call__(self) -> float:
        """Return a number from 0 to below 1."""
        self._state = (self._state * 1664525 + 1013904223) & 0xFFFFFFFF
        return self._state / 4294967296.0

    def between(self, low: float, high: float) -> float:
        """Return a number between two."""
        return low + (high - low) * self()
