"""Standard error and the standard streams, shared by logs, output and one progress line."""

from __future__ import annotations

import io
import os
import select
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from dxansible.redact import safe
from dxansible.settings import colour_wanted, terminal_is_dumb

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TextIO

__all__ = ["SCREEN", "Outlet", "Screen", "naming"]

_PIECE = 4096
"""Bytes that a pipe takes at once if it is writable."""
_PAUSE = 1.0
"""Seconds before the progress line is shown, and between its updates."""
_USUAL_WIDTH = 80
_CLEAR = "\r\x1b[K"


class Screen:
    """Standard error, shared by logs, remote output and one progress line.

    The progress line stays below all other text.
    """

    def __init__(self) -> None:
        """Show progress only where a person can see it."""
        self.interactive = sys.stderr.isatty()
        self.readable = False
        """Whether a person watches who gets sentences, and no log lines."""
        self._line: Callable[[], str] | None = None
        self._stays = False
        self._drawn = False
        self._due = 0.0
        """The line isn't drawn before this time."""
        self._ended = threading.Event()
        self._amid_line = False
        self.amid_output = False
        """The bytes of the last write to a standard stream don't end a line."""
        self._lock = threading.RLock()
        self.deferred: Callable[[Callable[[], None]], bool] | None = None
        """Queues a write behind pending output; returns False if no output is pending."""

    def write(self, text: str) -> int:
        """Write above the progress line; part of the text stream interface that logging needs."""
        if self.deferred is None or not self.deferred(lambda: self.put(safe(text))):
            self.put(safe(text))
        return len(text)

    def put(self, text: str) -> None:
        """Write a text that is safe already, before any pending output."""
        with self._lock:
            drawn = self._hide()
            _say(f"\n{text}" if self._amid_line else text)
            self._amid_line = False
            self._return(drawn=drawn)

    def flush(self) -> None:
        """Part of the text stream interface."""
        sys.stderr.flush()

    def interject(self, text: str) -> None:
        """Write a line from a signal handler: without a lock and without a buffer."""
        start = _CLEAR if self._drawn else "\n"
        os.write(2, f"{start}{text}\n".encode())

    def raw(self, stream: BinaryIO, data: bytes) -> None:
        """Write bytes unchanged to a standard stream.

        Other threads may write while this one waits for the stream's reader.
        """
        descriptor = _descriptor(stream)
        rest = memoryview(data)
        drawn = False
        while rest:
            piece = rest
            if descriptor is not None:
                select.select([], [descriptor], [])
                piece = rest[: bytes(rest[:_PIECE]).rfind(b"\n") + 1 or _PIECE]
            with self._lock:
                drawn = self._hide() or drawn
                with naming(stream):
                    written = _write_piece(stream, descriptor, piece)
                whole = bytes(piece[:written][-1:]) == b"\n"
                self.amid_output = not whole if written else self.amid_output
                self._amid_line = self.interactive and stream.isatty() and not whole
                rest = rest[written:]
                if not rest:
                    self._return(drawn=drawn)

    def progress(self, line: Callable[[], str], *, stays: bool) -> None:
        """Show what ``line`` returns as the progress line, and update it every second.

        The line appears after a second. After output it comes back at once if it ``stays``, else
        after a second of silence.
        """
        if not self.interactive or terminal_is_dumb():
            return
        with self._lock:
            self._stays = stays
            if self._line is None:
                self._due = time.monotonic() + _PAUSE
                self._ended = threading.Event()
                threading.Thread(
                    target=self._tick, args=(self._ended,), name="dx-progress", daemon=True
                ).start()
            self._line = line

    def refresh(self) -> None:
        """Update the progress line now, if it is visible."""
        with self._lock:
            if self._drawn:
                self._draw()

    def end_progress(self) -> None:
        """Remove the progress line for good."""
        with self._lock:
            self._ended.set()
            self._hide()
            self._line = None

    def _tick(self, ended: threading.Event) -> None:
        while not ended.wait(_PAUSE):
            with self._lock:
                if not ended.is_set() and time.monotonic() >= self._due:
                    self._draw()

    def _draw(self) -> None:
        if self._line is None or self._amid_line or not _is_ours():
            return
        text = _cut(self._line(), _width() - 1)
        if colour_wanted() is not False:
            text = f"\x1b[2m{text}\x1b[0m"
        _say(f"{_CLEAR if self._drawn else ''}{text}")
        self._drawn = True

    def _hide(self) -> bool:
        """Remove the progress line until it is drawn again; return whether there was one."""
        drawn, self._drawn = self._drawn, False
        if drawn and _is_ours():
            _say(_CLEAR)
        return drawn

    def _return(self, *, drawn: bool) -> None:
        """Draw the line again below what was written; ``drawn``: the line was visible before."""
        if drawn and self._stays:
            self._draw()
        elif not self._stays:
            self._due = time.monotonic() + _PAUSE


class Outlet:
    """Our standard streams; nothing is written any more once their reader has closed them."""

    def __init__(self, screen: Screen, on_closed: Callable[[], None]) -> None:
        """``on_closed`` is called once the reader is gone."""
        self._screen, self._on_closed = screen, on_closed
        self._closed = False

    def write(self, data: bytes, *, is_error: bool = False) -> None:
        """Write bytes, and wait for the reader. Raises OSError for a full disk."""
        if not data or self._closed:
            return
        try:
            self._screen.raw(sys.stderr.buffer if is_error else sys.stdout.buffer, data)
        except BrokenPipeError:
            self._closed = True
            self._on_closed()


@contextmanager
def naming(stream: TextIO | BinaryIO) -> Iterator[None]:
    """Name the standard stream in the errors of its writes."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        is_error = stream in {sys.stderr, getattr(sys.stderr, "buffer", None)}
        name = "standard error" if is_error else "standard output"
        raise OSError(error.errno, error.strerror, name) from error


def _say(text: str) -> None:
    """Write words of ours to standard error; a full disk there doesn't end the work."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except BrokenPipeError:
        raise
    except OSError:
        pass


def _is_ours() -> bool:
    """Whether nobody else uses the terminal: a pager, or the shell that has us in background."""
    import termios  # noqa: PLC0415 - only for the progress line

    try:
        descriptor = sys.stderr.fileno()
        if not termios.tcgetattr(descriptor)[3] & termios.ICANON:
            return False
        return os.tcgetpgrp(descriptor) == os.getpgrp()
    except (OSError, termios.error):  # it doesn't control our processes
        return True


def _width() -> int:
    """Return the columns of the terminal, which may have changed since the last time."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or _USUAL_WIDTH
    except OSError:
        return _USUAL_WIDTH


def _cut(text: str, width: int) -> str:
    """Return as much of a text as surely fits; a character beyond ASCII may take two columns."""
    if len(text) > width or not text.isascii():
        taken = 0
        for number, character in enumerate(text):
            taken += 1 if character.isascii() else 2
            if taken > width:
                return text[:number]
    return text


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


SCREEN = Screen()
"""The one that all calls share."""
