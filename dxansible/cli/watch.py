"""``--watch``: a board of sessions or hosts that stays up to date."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from dxansible.cli.terminal import SCREEN
from dxansible.errors import UsageError
from dxansible.parameters import FORKS
from dxansible.render.board import hosts_board, screenful, sessions_board
from dxansible.render.full_screen import FullScreen
from dxansible.render.show import terminal_size
from dxansible.run.awaiting import waiting_sessions
from dxansible.run.listing import list_sessions
from dxansible.run.preflight import check_hosts
from dxansible.run.watching import Watch
from dxansible.settings import terminal_is_dumb

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dxansible.cli.table import Options
    from dxansible.render.board import Board
    from dxansible.run.events import Observer
    from dxansible.run.watching import Ask, Seen
    from dxansible.settings import Settings

__all__ = ["watch_hosts", "watch_sessions"]

_PACE, _COLD_PACE = 1.0, 5.0
"""Seconds after which a host is asked again: with an engine, and without."""
_AGES = 1.0
"""Seconds after which a board without news is drawn again, for its ages."""
_GAP = 0.25
"""Seconds between two drawings."""
_UP = ("k", "\x1b[A", "\x1bOA")
_DOWN = ("j", "\x1b[B", "\x1bOB")
_PAGE_UP, _PAGE_DOWN = ("b", "\x1b[5~"), (" ", "\x1b[6~")
_FIRST, _LAST = ("g", "\x1b[H", "\x1b[1~"), ("G", "\x1b[F", "\x1b[4~")
_FAR = 10**6


def watch_sessions(options: Options) -> int:
    """``--sessions [TARGET] --watch``."""
    pattern = "all" if options.target is None else options.target
    settings, cancelled = options.settings(), threading.Event()

    def ask(
        hosts: str, watch: tuple[float, int], observers: Sequence[Observer]
    ) -> Mapping[str, str]:
        found = list_sessions(
            hosts,
            settings,
            only=options.only,
            cancelled=cancelled,
            observers=observers,
            words=True,
            watch=watch,
        )
        return found.errors

    def board(seen: Sequence[Seen], now: float) -> Board:
        hosts = {each.host for each in seen}
        return sessions_board(seen, now, list(waiting_sessions(settings, hosts, only=options.only)))

    return _Watching(board, cancelled).run(pattern, ask, settings)


def watch_hosts(options: Options) -> int:
    """``--list --watch``."""
    settings, cancelled = options.settings(), threading.Event()
    asked: set[str] = set()

    def ask(
        hosts: str, watch: tuple[float, int], observers: Sequence[Observer]
    ) -> Mapping[str, str]:
        results = check_hosts(
            hosts,
            settings=settings,
            survey=True,
            version=hosts not in asked,
            watch=watch,
            cancelled=cancelled,
            observers=observers,
        )
        asked.add(hosts)
        return {each.host: each.error for each in results if each.error}

    return _Watching(hosts_board, cancelled).run("all", ask, settings, checks=True)


class _Watching:
    """A board on the screen, until somebody ends it."""

    def __init__(
        self, board: Callable[[Sequence[Seen], float], Board], cancelled: threading.Event
    ) -> None:
        """Raise UsageError where there is no screen. ``cancelled`` ends all runs."""
        if terminal_size() is None or terminal_is_dumb():
            where = (
                "this terminal is a dumb one" if terminal_is_dumb() else "standard output is none"
            )
            raise UsageError(
                f"--watch needs a terminal, and {where}", "leave out --watch to see them once"
            )
        self._board, self._cancelled = board, cancelled
        self._changed, self._top = True, 0

    def run(self, pattern: str, ask: Ask, settings: Settings, *, checks: bool = False) -> int:
        """Show the answers of the hosts, and return the exit code; ``ask`` is as for `Watch`.

        Raises the error of the first run, if that could not ask anybody.
        """
        with FullScreen() as screen:

            def change() -> None:
                self._changed = True
                screen.wake()

            pace, width = _PACE if settings.engine else _COLD_PACE, settings.forks or FORKS
            watch = Watch(pattern, ask, change, pace=pace, width=width, checks=checks)
            SCREEN.deferred = _drop  # the log would be written across the board
            watch.start()
            try:
                code = self._follow(screen, watch)
                problem = None if watch.seen() else watch.problem  # before its runs are cancelled
            finally:
                self._cancelled.set()
        SCREEN.deferred = None
        watch.stop()
        if problem is not None:
            raise problem
        return code

    def _follow(self, screen: FullScreen, watch: Watch) -> int:
        due = 0.0
        while screen.ended is None:
            now = time.monotonic()
            seen = watch.seen()
            if not seen and watch.problem is not None:
                return 0
            if seen and (
                screen.spoilt or now >= due or (self._changed and now >= due - _AGES + _GAP)
            ):
                self._changed = False
                due = now + _AGES
                self._draw(screen, seen, watch)
            wait = min(due - now, _GAP) if self._changed else due - now
            keys = screen.wait(wait if seen else _AGES)
            if "q" in keys.lower():
                return 0
            if keys:
                self._scroll(keys)
                due = 0.0
        return screen.ended

    def _draw(self, screen: FullScreen, seen: Sequence[Seen], watch: Watch) -> None:
        board = self._board(seen, time.monotonic())
        problem = str(watch.problem) if watch.problem else None

        def lines() -> list[str]:
            size = terminal_size() or (80, 24)
            shown, self._top = screenful(board, size, self._top, problem)
            return shown

        screen.draw(lines)

    def _scroll(self, keys: str) -> None:
        page = (terminal_size() or (80, 24))[1] - 4
        for names, step in (
            (_UP, -1), (_DOWN, 1), (_PAGE_UP, -page), (_PAGE_DOWN, page), (_FIRST, -_FAR),
            (_LAST, _FAR),
        ):  # fmt: skip
            self._top += step * sum(keys.count(name) for name in names)
        self._top = max(0, self._top)


def _drop(_work: Callable[[], None]) -> bool:
    """Take a line of the log, and show it to nobody."""
    return True
