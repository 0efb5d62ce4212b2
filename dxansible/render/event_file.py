"""The file or FIFO of DX_EVENTS, where lines of events go."""

from __future__ import annotations

import errno
import logging
import os
import select
import time
from typing import TYPE_CHECKING

from dxansible.logs import event

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["EventFile"]

_PATIENCE = 2.0
"""Seconds, in all, that one call waits for the reader of a FIFO."""
_WHY = {
    errno.ENXIO: "nobody reads it",
    errno.EPIPE: "nobody reads it any more",
    errno.EAGAIN: "its reader is too slow",
}
"""In other words than the system's."""


class EventFile:
    """A file that several processes append to, or a FIFO.

    Neither a full disk nor a slow reader fails or holds up a call: lines are lost then, and one
    warning says so.
    """

    def __init__(self, path: Path) -> None:
        """Open it, or make a file that only its owner can read."""
        self._path = path
        self._patience = _PATIENCE
        self._torn = False
        """The last line is not whole."""
        self._warned = False
        self._file: int | None = None
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        try:
            self._file = os.open(path, flags, 0o600)
        except OSError as error:
            self._warn(_WHY.get(error.errno or 0, error.strerror))

    def write(self, line: bytes) -> None:
        """Append a line, with one write unless the medium takes less."""
        if self._file is None:
            return
        rest = memoryview(b"\n" + line if self._torn else line)
        whole = len(rest)
        try:
            while rest:
                rest = rest[self._write_some(self._file, rest) :]
        except OSError as error:
            self._torn |= len(rest) < whole
            if isinstance(error, BrokenPipeError):
                self.close()
            self._warn(_WHY.get(error.errno or 0, error.strerror))
        else:
            self._torn = False

    def close(self) -> None:
        """Close it."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _write_some(self, file: int, data: memoryview) -> int:
        """Write as much as fits; wait for a reader while there is patience. Raises OSError."""
        while True:
            try:
                return os.write(file, data)
            except BlockingIOError:
                began = time.monotonic()
                ready = select.select([], [file], [], self._patience)[1]
                self._patience = max(0.0, self._patience - (time.monotonic() - began))
                if not ready:
                    raise

    def _warn(self, why: str | None) -> None:
        if not self._warned:
            self._warned = True
            event("events_not_written", logging.WARNING, path=str(self._path), error=why)
