"""The command line that other processes see of this one.

A fork has that of the engine, but whoever ends what is left of a run finds it by its command line,
and so does a person who looks at a list of processes. So it is written over, in place.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Title"]

_START, _END = 47, 48
"""Fields of /proc/PID/stat, of proc(5), counted from 0."""


@dataclass(frozen=True, slots=True)
class Title:
    """Where in memory it is."""

    start: int
    size: int

    @classmethod
    def find(cls) -> Title:
        """Raises OSError where the kernel doesn't say."""
        after_name = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        start, end = (int(after_name[field - 2]) for field in (_START, _END))
        if not 0 < start < end:
            raise OSError("the kernel doesn't tell where the command line is")
        return cls(start, end - start)

    def write(self, arguments: Sequence[bytes]) -> bool:
        """Show these arguments; say whether there is room for all of them."""
        text = b"\0".join(arguments)
        if len(text) >= self.size:
            return False
        ctypes.memmove(self.start, text.ljust(self.size, b"\0"), self.size)
        Path("/proc/self/comm").write_bytes(arguments[0].rpartition(b"/")[2][:15])
        return True
