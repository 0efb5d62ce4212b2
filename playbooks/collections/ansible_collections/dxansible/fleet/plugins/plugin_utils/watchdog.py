# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ends calls that hang.

Nothing can interrupt a call in its thread. Therefore the watchdog ends the call's client process,
which it finds by the mark in the arguments. A call that still doesn't return is given up.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .ssh_session import hang_up

if TYPE_CHECKING:
    from collections.abc import Callable

_GRACE = 5.0
"""Seconds that a call has to return after its client got SIGTERM."""


@dataclass(slots=True, eq=False)
class Watch:
    """One running call."""

    mark: str
    due: float
    """Deadline by the monotonic clock."""
    give_up: Callable[[], None]
    """The watchdog's thread calls this if the call doesn't return even then."""
    fired: bool = False


class Watchdog:
    """Watches the calls of one process. Its thread runs while there are calls."""

    def __init__(self) -> None:
        """Start without calls."""
        self._watches: set[Watch] = set()
        self._changed = threading.Condition()
        self._runs = False

    def begin(self, mark: str, seconds: float, give_up: Callable[[], None]) -> Watch:
        """Watch a call that may take ``seconds``."""
        watch = Watch(mark, time.monotonic() + seconds, give_up)
        with self._changed:
            self._watches.add(watch)
            if not self._runs:
                self._runs = True
                threading.Thread(target=self._look, name="dx-watchdog", daemon=True).start()
        return watch

    def end(self, watch: Watch) -> bool:
        """Stop watching a call that has returned; False if it was given up before."""
        with self._changed:
            known = watch in self._watches
            self._watches.discard(watch)
            return known

    def _look(self) -> None:
        while True:
            with self._changed:
                self._changed.wait(1.0)
                if not self._watches:
                    self._runs = False
                    return
                now = time.monotonic()
                due = [watch for watch in self._watches if watch.due <= now]
                lost = [watch for watch in due if watch.fired]
                self._watches.difference_update(lost)
            for watch in due:
                if watch.fired:
                    _end_clients(watch.mark, "KILL")
                    watch.give_up()
                else:
                    watch.fired, watch.due = True, now + _GRACE
                    _end_clients(watch.mark, "TERM")


def _end_clients(mark: str, signal: str) -> None:
    arguments = [f"-{signal}", "-P", str(os.getpid()), "-f", "--", mark]
    hang_up(mark)
    with suppress(OSError):  # without pkill the call is given up
        subprocess.run(["pkill", *arguments], check=False)
