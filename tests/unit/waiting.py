"""Waiting for what happens in other processes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.lab import processes

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["runs", "wait_until"]


def wait_until(condition: Callable[[], bool]) -> None:
    """Return when it holds; fail if it doesn't within a time that no machine needs."""
    deadline, pause = time.monotonic() + 180, 0.01
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(pause)
        pause = min(pause * 1.3, 0.1)  # a condition may cost a look at every process


def runs(pid: int) -> bool:
    """Whether there is such a process, zombies excepted."""
    return processes.lives(pid)
