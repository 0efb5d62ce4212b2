"""Shows how far a run is, in one line on a terminal."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dxansible.redact import printable
from dxansible.run.events import BatchBegins, Event, HostMoved, HostsKnown
from dxansible.states import HostState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dxansible.render.screen import Screen
    from dxansible.run.events import Observer
    from dxansible.run.host_moves import HostMoves

__all__ = ["Progress", "showing_progress"]

_MOST_NAMED = 3
"""Hosts; more that are still running are only counted."""
_MINUTE, _HOUR = 60, 3600
_CHECKS = (HostState.CHECKED, HostState.UNUSABLE)
_ANSWERS = (HostState.ANSWERED, HostState.SILENT)
_SHOWN = (HostState.WAITING, HostState.BACK)
"""States that change the line, besides those of hosts that are done."""
_REACHED = (HostState.CHECKED, HostState.QUEUED, HostState.SCHEDULED, HostState.STARTED)


class Progress:
    """Observer that shows the states of the hosts in the progress line."""

    def __init__(
        self,
        screen: Screen,
        *,
        checks: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Show the line from now on. ``checks``: a host is done once it has been checked."""
        self._screen, self._checks, self._clock, self._begin = screen, checks, clock, clock()
        self._hosts: tuple[str, ...] = ()
        self._run: HostMoves | None = None
        screen.progress(self.line, stays=False)

    def handle(self, news: Event) -> None:
        """Count the event."""
        match news:
            case HostsKnown():
                self._hosts = news.hosts
                self._screen.progress(self.line, stays=len(news.hosts) > 1)
            case BatchBegins():
                self._screen.refresh()
            case HostMoved():
                self._run = news.hosts
                if self._is_done(news) or news.state in _SHOWN:
                    self._screen.refresh()
            case _:
                pass

    def _is_done(self, last: HostMoved) -> bool:
        """Whether there is no more to come of a host, by its last move."""
        checked = self._checks and last.state in _CHECKS
        return last.over or checked or last.state in _ANSWERS

    def line(self) -> str:
        """Return the line as it is now."""
        since = _clock_face(int(self._clock() - self._begin))
        if not self._hosts:
            return f"starting  {since}"
        known = {host: self._run and self._run.last(host) for host in self._hosts}
        moves = {host: last for host, last in known.items() if last}
        done = [last for last in moves.values() if self._is_done(last)]
        if len(self._hosts) == 1:
            does = next((_doing(last.state) for last in moves.values()), "connecting")
            return f"{printable(self._hosts[0])}  {'done' if done else does}  {since}"
        running = [
            host
            for host, last in moves.items()
            if last.state is not HostState.WAITING and not self._is_done(last)
        ]
        failed = sum(last.failed for last in done)
        counts = f"{len(done)}/{len(self._hosts)} done, {failed} failed, {len(running)} running"
        if waiting := len(self._hosts) - len(done) - len(running):
            counts += f", {waiting} waiting"
        names = printable(", ".join(running)) if len(running) <= _MOST_NAMED else ""
        return f"{counts}  {since}  {names}".rstrip()


def _doing(state: HostState) -> str:
    if state is HostState.WAITING:
        return "waiting for it"
    return "running" if state in _REACHED else "connecting"


@contextmanager
def showing_progress(
    screen: Screen, *, wanted: bool, checks: bool = False
) -> Iterator[Sequence[Observer]]:
    """Yield the observers of a run that show its progress until the end; none if not wanted."""
    if not (wanted and screen.interactive):
        yield ()
        return
    try:
        yield (Progress(screen, checks=checks),)
    finally:
        screen.end_progress()


def _clock_face(seconds: int) -> str:
    """Format seconds as 0:07, 12:34 or 1:02:03."""
    minutes, hours = seconds // _MINUTE % _MINUTE, seconds // _HOUR
    start = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{start}:{seconds % _MINUTE:02}"
