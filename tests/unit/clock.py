"""A clock for tests."""

from __future__ import annotations


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
