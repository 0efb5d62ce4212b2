"""A clock for tests."""

from __future__ import annotations

from ansible_collections.dxansible.fleet.plugins.plugin_utils.machine import Machine

__all__ = ["Clock", "ClockedMachine"]


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        """Begin at some moment."""
        self.now = 1000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def __call__(self) -> float:
        return self.now


class ClockedMachine(Machine):
    """A machine whose clocks a test sets."""

    def __init__(self, moment: float = 1000.0) -> None:
        """Begin at some moment."""
        self.moment = moment

    def now(self) -> float:
        return self.moment

    def wall(self) -> float:
        return self.moment
