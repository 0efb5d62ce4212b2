"""What the processes of one caller cost: time of the processor, and memory.

They are told by HOME in their environment, which forks of an engine have as well, or by a file in
it on their command line: ssh's live connections write their titles over the environment.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab import processes

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Peak", "resident_cpu", "watch"]

_PAUSE = 0.3
"""Seconds between two looks, each of which takes as long for hundreds of processes."""
_TICKS = os.sysconf("SC_CLK_TCK")


class Peak:
    """The most memory that the processes of a caller held together."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.bytes = 0


def resident_cpu(home: Path) -> float:
    """Seconds, so far, of the processes that run now and the descendants they have waited for."""
    return sum(map(_cpu, _of(home)))


@contextmanager
def watch(home: Path) -> Iterator[Peak]:
    """Add up the memory again and again while the block runs; shared pages count once (PSS)."""
    peak, end = Peak(), threading.Event()

    def look() -> None:
        while not end.is_set():
            end.wait(_PAUSE)
            peak.bytes = max(peak.bytes, sum(map(_memory, _of(home))))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        end.set()
        thread.join()


def _of(home: Path) -> set[int]:
    return processes.marked(f"HOME={home}") | processes.running(f"{home}/")


def _cpu(pid: int) -> float:
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / _TICKS
    return 0.0


def _memory(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
