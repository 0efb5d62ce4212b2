"""A terminal as a whole screen, which is given back as it was at any end."""

from __future__ import annotations

import os
import signal
import sys
import termios
import tty
from contextlib import contextmanager, suppress
from select import select
from typing import TYPE_CHECKING, Self

from dxansible.render.show import painted
from dxansible.settings import colour_wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType, TracebackType

__all__ = ["FullScreen"]

_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l"
"""The alternate screen, no cursor, and no line that goes on in the next one."""
_CLEAR = "\x1b[2J"
_LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l"
_ENDS = {signal.SIGINT: 0, signal.SIGTERM: 128 + 15, signal.SIGHUP: 128 + 1}
"""Exit codes; Ctrl-C is how people leave such a screen, as they leave watch and top."""


class FullScreen:
    """The alternate screen of a terminal, its keys and its signals; use it in a ``with``."""

    def __init__(self) -> None:
        """Take standard output, and keys from standard input if that is a terminal."""
        self._keys = sys.stdin.fileno() if sys.stdin.isatty() else None
        self._before: list[object] | None = None
        self._up = self._stop_wanted = False
        self.spoilt = True
        """Whether all has to be drawn: for the first time, or in another size."""
        self._shown: list[str] = []
        self._handlers: dict[int, object] = {}
        self._colours = colour_wanted() is not False
        self._reading, self._writing = os.pipe()
        for end in (self._reading, self._writing):
            os.set_blocking(end, False)
        self.ended: int | None = None
        """The exit code that a signal has; None before one came."""

    def __enter__(self) -> Self:
        """Catch signals; the screen appears with the first `draw`."""
        for number in (*_ENDS, signal.SIGWINCH, signal.SIGTSTP):
            self._handlers[number] = signal.signal(number, self._handle)
        signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        """Give the terminal back."""
        signal.set_wakeup_fd(-1)
        with suppress(OSError, termios.error):  # it may be gone
            self._give_back()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type] # as it was returned

    def wake(self) -> None:
        """End a `wait`; may be called in any thread."""
        with suppress(BlockingIOError):
            os.write(self._writing, b"\0")

    def wait(self, seconds: float) -> str:
        """Return the keys that were pressed; waits until something has happened."""
        sources = [self._reading] + ([] if self._keys is None else [self._keys])
        ready, _, _ = select(sources, [], [], max(0.0, seconds))
        if self._reading in ready:
            with suppress(BlockingIOError):
                os.read(self._reading, 4096)
        if self._stop_wanted:
            self._suspend()
        if self._keys is None or self._keys not in ready:
            return ""
        try:
            keys = os.read(self._keys, 64)
        except OSError:
            keys = b""
        if not keys:
            self._keys = None
        return keys.decode(errors="replace")

    def draw(self, compose: Callable[[], Sequence[str]]) -> None:
        """Show the lines that ``compose`` returns; only those are written that have changed.

        It may ask for the size of the terminal: if that changes meanwhile, all is `spoilt` again.
        """
        parts = []
        if self.spoilt:
            self.spoilt, self._shown = False, []
            parts = [self._take()]
        lines = compose()
        for number, line in enumerate(lines):
            if number >= len(self._shown) or self._shown[number] != line:
                parts.append(f"\x1b[{number + 1};1H{painted(line, on=self._colours)}\x1b[K")
        if parts:
            sys.stdout.write("".join(parts))
            sys.stdout.flush()
        self._shown = list(lines)

    def _take(self) -> str:
        """Return what makes an empty screen."""
        if self._up:
            return _CLEAR
        self._up = True
        if self._keys is not None and self._before is None:
            self._before = termios.tcgetattr(self._keys)
            tty.setcbreak(self._keys, termios.TCSADRAIN)
        return _ENTER + _CLEAR

    def _give_back(self) -> None:
        if self._up:
            self._up, self.spoilt = False, True
            sys.stdout.write(_LEAVE)
            sys.stdout.flush()
        if self._keys is not None and self._before is not None:
            termios.tcsetattr(self._keys, termios.TCSADRAIN, self._before)  # type: ignore[arg-type] # as above
            self._before = None

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if number in _ENDS:
            self.ended = _ENDS[signal.Signals(number)]
        elif number == signal.SIGTSTP:
            self._stop_wanted = True
        else:
            self.spoilt = True

    def _suspend(self) -> None:
        """Stop, as Ctrl-Z asks for, with the terminal as it was."""
        self._stop_wanted = False
        with _default(signal.SIGTSTP):
            self._give_back()
            os.kill(os.getpid(), signal.SIGTSTP)


@contextmanager
def _default(number: signal.Signals) -> Iterator[None]:
    ours = signal.signal(number, signal.SIG_DFL)
    yield
    signal.signal(number, ours)
