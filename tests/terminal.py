"""A real terminal for a program; it controls the program's processes."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Terminal"]

_CONTROL = """
import fcntl, os, sys, termios
fcntl.ioctl(2, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""
"""Makes standard error the terminal that controls the program it becomes."""


class Terminal:
    """A program whose standard streams are a terminal, except those that ``options`` redirect."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        columns: int = 80,
        lines: int = 24,
        **options: Any,  # noqa: ANN401 - Popen's own
    ) -> None:
        """Start it."""
        self._here, there = pty.openpty()
        self._lines = lines
        self.resize(columns)
        streams = {"stdin": there, "stdout": there, "stderr": there, **options}
        environment = {"TERM": "xterm", **environment}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _CONTROL, *command],
            env=environment,
            start_new_session=True,
            **streams,
        )
        os.close(there)
        self.seen = b""
        """All that the terminal was sent."""

    def resize(self, columns: int) -> None:
        """Give the window another width."""
        fcntl.ioctl(self._here, termios.TIOCSWINSZ, struct.pack("HHHH", self._lines, columns, 0, 0))

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._here, keys)

    def read(self, until: bytes | None = None, limit: float = 60) -> bytes:
        """Read until the terminal was sent ``until`` from now on, or to the end; return it."""
        start, end = len(self.seen), time.monotonic() + limit
        while until is None or until not in self.seen[start:]:
            ready, _, _ = select.select([self._here], [], [], max(0, end - time.monotonic()))
            if not ready:
                raise TimeoutError(self.seen)
            try:
                news = os.read(self._here, 65536)
            except OSError:  # nobody holds the other end any more
                news = b""
            if not news:
                break
            self.seen += news
        return self.seen[start:]

    def end(self, limit: float = 60) -> int:
        """Read to the end, and return the exit code."""
        self.read(limit=limit)
        return self.process.wait(limit)

    def close(self) -> None:
        """End the program if it is running, and take the terminal away."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._here)

    @property
    def rows(self) -> list[str]:
        """What a person sees at the end: lines without colours, and without what was removed."""
        text = re.sub(r"\x1b\[[0-9;]*m", "", self.seen.decode())
        return [row.rpartition("\r\x1b[K")[2].rstrip("\r") for row in text.split("\n")]
