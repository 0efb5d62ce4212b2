"""Our standard input: sends it to the command, or warns that nobody reads it."""

from __future__ import annotations

import fcntl
import io
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

__all__ = ["StandardInput", "read_standard_input"]

_MOST = 2**30
"""Bytes, since all of them are held in memory."""
_AT_ONCE = 2**20


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
        return read_standard_input() if self._sent else b""

    def warn(self) -> None:
        """Warn once that input waits which nobody reads."""
        if not self._silent and _waits():
            self._silent = True
            remedy = "add --stdin to send it, or redirect it: </dev/null"
            event(
                "stdin_unread", logging.WARNING, error="the command gets none of it", remedy=remedy
            )


def read_standard_input() -> bytes:
    """Read standard input to its end. Raises UsageError for more than 1 GiB.

    In parts: a read of everything would leave Ctrl-C unheard while there is input.
    """
    found = io.BytesIO()
    while part := sys.stdin.buffer.read(_AT_ONCE):
        found.write(part)
        if found.tell() > _MOST:
            raise UsageError("standard input has more than 1 GiB", "send a file with rsync or scp")
    return found.getvalue()


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
