"""Standard error and the standard streams, shared by logs, output and one progress line."""

from __future__ import annotations

import io
import os
import select
import sys
import threading
from typing import TYPE_CHECKING, BinaryIO

from dxansible.redact import safe

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Screen"]

_PIECE = 4096
"""Bytes that a pipe takes at once if it is writable."""


class Screen:
    """Standard error, shared by logs, remote output and one progress line.

    The progress line stays below all other text.
    """

    def __init__(self) -> None:
        """Show progress only where a person can see it."""
        self.interactive = sys.stderr.isatty()
        self._shown = ""
        self._amid_line = False
        self.amid_output = False
        """The bytes of the last write to a standard stream don't end a line."""
        self._lock = threading.RLock()
        self.deferred: Callable[[Callable[[], None]], bool] | None = None
        """Queues a write behind pending output; returns False if no output is pending."""

    def write(self, text: str) -> int:
        """Write above the progress line; part of the text stream interface that logging needs."""
        if self.deferred is None or not self.deferred(lambda: self._write(text)):
            self._write(text)
        return len(text)

    def _write(self, text: str) -> None:
        with self._lock:
            self._hide()
            if self._amid_line:
                sys.stderr.write("\n")
                self._amid_line = False
            sys.stderr.write(safe(text))
            self._show()

    def flush(self) -> None:
        """Part of the text stream interface."""
        sys.stderr.flush()

    def raw(self, stream: BinaryIO, data: bytes) -> None:
        """Write bytes unchanged to a standard stream.

        Other threads may write while this one waits for the stream's reader.
        """
        descriptor = _descriptor(stream)
        rest = memoryview(data)
        while rest:
            piece = rest
            if descriptor is not None:
                select.select([], [descriptor], [])
                piece = rest[: bytes(rest[:_PIECE]).rfind(b"\n") + 1 or _PIECE]
            with self._lock:
                self._hide()
                written = _write_piece(stream, descriptor, piece)
                whole = bytes(piece[:written][-1:]) == b"\n"
                self.amid_output = not whole if written else self.amid_output
                self._amid_line = self.interactive and stream.isatty() and not whole
                rest = rest[written:]
                if whole and not rest:
                    self._show()

    def progress(self, text: str) -> None:
        """Replace the progress line; an empty text removes it."""
        if self.interactive:
            with self._lock:
                self._hide()
                self._shown = text
                self._show()

    def _hide(self) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def _show(self) -> None:
        if self._shown:
            sys.stderr.write(self._shown)
            sys.stderr.flush()


def _descriptor(stream: BinaryIO) -> int | None:
    try:
        return stream.fileno()
    except io.UnsupportedOperation:
        return None


def _write_piece(stream: BinaryIO, descriptor: int | None, piece: memoryview) -> int:
    """Return how many bytes were written; 0 if a non-blocking stream is full."""
    if descriptor is None:
        stream.write(piece)
        stream.flush()
        return len(piece)
    stream.flush()
    try:
        return os.write(descriptor, piece)
    except BlockingIOError:
        return 0
