"""A real pseudo-terminal with dx-dispatch on it, and the screen that a person would see there."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import struct
import termios
import time
from contextlib import suppress
from select import select
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from tests.integration.dispatcher import Dispatcher

__all__ = ["Terminal"]

_STEP = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|([^\x1b]+)")
ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"


class Terminal:
    """A terminal of so many columns and lines on which a call runs; use it in a ``with``."""

    def __init__(
        self,
        user: Dispatcher,
        *arguments: str,
        columns: int,
        lines: int = 24,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """Start the call; ``environ`` has variables besides the user's."""
        self._end, theirs = os.openpty()
        self._theirs = theirs
        self.resize(columns, lines)
        self.before = termios.tcgetattr(theirs)
        user.environment.pop("NO_COLOR", None)
        self.process = user.start(
            *arguments,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={"TERM": "xterm", **(environ or {})},
            preexec_fn=_take_terminal,
        )
        self.text = ""
        """All that was written."""
        self._rest = ""
        self._screen: dict[int, str] = {}

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        """End the call, if it has not ended, and the terminal."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._end)
        os.close(self._theirs)

    @property
    def screen(self) -> list[str]:
        """The lines of the screen that is drawn line by line, without colours."""
        last = max(self._screen, default=0)
        return [self._screen.get(number, "") for number in range(1, last + 1)]

    @property
    def settings(self) -> object:
        """What the terminal does with keys."""
        return termios.tcgetattr(self._theirs)

    def resize(self, columns: int, lines: int = 24) -> None:
        """Have another size; the call is told."""
        fcntl.ioctl(self._end, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def press(self, keys: str) -> None:
        """Press keys."""
        os.write(self._end, keys.encode())

    def until(self, happened: Callable[[], bool], seconds: float = 60) -> float:
        """Read until it has happened; return how many seconds that took."""
        began = time.monotonic()
        while not happened():
            assert time.monotonic() < began + seconds, "\n".join(self.screen) or self.text
            self._read(0.05)
        return time.monotonic() - began

    def finish(self, seconds: float = 60) -> int:
        """Read to the end of the call, and return its exit code."""
        self.until(lambda: self.process.poll() is not None, seconds)
        self._read(0.2)
        return self.process.returncode

    def _read(self, seconds: float) -> None:
        while select([self._end], [], [], seconds)[0]:
            with suppress(OSError):
                text = os.read(self._end, 1 << 16).decode(errors="replace")
                self.text += text
                self._draw(text)
            seconds = 0

    def _draw(self, text: str) -> None:
        text = self._rest + text
        whole = text.rfind("\x1b[K") + 3 if "\x1b[K" in text else 0
        text, self._rest = text[:whole], text[whole:]
        line = 0
        for codes, letter, shown in _STEP.findall(text):
            if letter == "J":
                self._screen.clear()
            elif letter == "H":
                line = int(codes.partition(";")[0])
                self._screen[line] = ""
            elif shown and line:
                self._screen[line] += shown


def _take_terminal() -> None:
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.tcsetpgrp(0, os.getpgrp())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
