"""Our standard input: sends it to the command, or warns that nobody reads it."""

from __future__ import annotations

import fcntl
import logging
import os
import stat
import struct
import sys
import termios
from typing import TYPE_CHECKING

from dxansible.errors import UsageError
from dxansible.logs import event

if TYPE_CHECKING:
    from dxansible.cli.table import Options

__all__ = ["StandardInput"]


class StandardInput:
    """Our standard input in one call."""

    def __init__(self, options: Options) -> None:
        """Raise UsageError if standard input has two uses."""
        self._sent = options.stdin
        if options.stdin and options.file == "-":
            message = "--stdin and --file - are both standard input"
            raise UsageError(message, "give the command itself, or its file")
        self._silent = options.stdin or options.file == "-"

    def read(self) -> bytes:
        """Read all of it for the command; nothing without ``--stdin``."""
        return sys.stdin.buffer.read() if self._sent else b""

    def warn(self) -> None:
        """Warn once that input waits which nobody reads."""
        if not self._silent and _waits():
            self._silent = True
            remedy = "add --stdin to send it, or redirect it: </dev/null"
            event(
                "stdin_unread", logging.WARNING, error="the command gets none of it", remedy=remedy
            )


def _waits() -> bool:
    """Whether a pipe or a socket has bytes for us; neither reads nor blocks."""
    try:
        fd = sys.stdin.fileno()
        mode = os.fstat(fd).st_mode
        if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
            return False
        (count,) = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))
    except OSError:
        return False
    return bool(count > 0)
