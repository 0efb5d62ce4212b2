"""How crowded the machine is while a test measures time on it."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Self

__all__ = ["Crowd"]

_BEAT = 0.1


class Crowd:
    """Watches the queue for the processors: a promise of seconds needs a machine that has some.

    On a calm machine ``stretched`` gives back what it gets.
    """

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._queue: list[float] = []
        self._frozen = 0.0
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watcher.join()

    def stretched(self, seconds: float) -> float:
        """Return how long may pass here before so many seconds of work are done."""
        return seconds * sum(self._queue) / max(1, len(self._queue)) + self._frozen

    def _watch(self) -> None:
        last = time.monotonic()
        while not self._over.wait(_BEAT):
            self._queue.append(max(1.0, _running() / (os.cpu_count() or 1)))
            now = time.monotonic()
            self._frozen += max(0.0, now - last - 5 * _BEAT)
            last = now


def _running() -> int:
    for line in Path("/proc/stat").read_text(encoding="ascii").splitlines():
        if line.startswith("procs_running "):
            return int(line.split()[1])
    return 1
