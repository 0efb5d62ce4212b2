"""Shows how far a run is, in one line on a terminal."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dxansible.record import FanoutOutcome
from dxansible.redact import printable
from dxansible.results import CleanResult
from dxansible.run.events import (
    BatchBegins,
    CommandRuns,
    Event,
    HostEnded,
    HostsKnown,
    HostWaits,
    OutputReceived,
    PreflightDone,
)
from dxansible.run.turn_events import SessionsSeen, TurnUpdate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dxansible.render.screen import Screen
    from dxansible.run.events import Observer

__all__ = ["Progress", "showing_progress"]

_MOST_NAMED = 3
"""Hosts; more that are still running are only counted."""
_MINUTE, _HOUR = 60, 3600


class Progress:
    """Observer that knows which hosts are done, for the progress line."""

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
        self._begun: set[str] | None = None
        """The hosts of the batches that have begun; None if all hosts begin at once."""
        self._reached: set[str] = set()
        self._away: set[str] = set()
        """Hosts that are waited for."""
        self._failed: dict[str, bool] = {}
        """Whether it has failed, for each host that is done."""
        screen.progress(self.line, stays=False)

    def handle(self, news: Event) -> None:
        """Count the event."""
        match news:
            case HostsKnown():
                self._hosts = news.hosts
                self._screen.progress(self.line, stays=len(news.hosts) > 1)
            case BatchBegins():
                self._begun = (self._begun or set()) | set(news.hosts)
                self._screen.refresh()
            case PreflightDone() if self._checks:
                self._done(news.result.host, failed=not news.result.ok)
            case PreflightDone() if news.result.ok:
                self._reached.add(news.result.host)
            case OutputReceived() | CommandRuns() | TurnUpdate():
                self._reached.add(news.host)
            case HostWaits():
                (self._away.discard if news.until is None else self._away.add)(news.host)
                self._screen.refresh()
            case HostEnded():
                failed = news.result.outcome not in {FanoutOutcome.SUCCESS, None}
                self._done(news.result.host, failed=failed)
            case SessionsSeen() | CleanResult():
                self._done(news.host, failed=news.error is not None)
            case _:
                pass

    def _done(self, host: str, *, failed: bool) -> None:
        self._failed[host] = failed
        self._away.discard(host)
        self._screen.refresh()

    def line(self) -> str:
        """Return the line as it is now."""
        since = _clock_face(int(self._clock() - self._begin))
        if not self._hosts:
            return f"starting  {since}"
        left = [host for host in self._hosts if host not in self._failed]
        if len(self._hosts) == 1:
            does = "running" if self._reached else "connecting"
            does = "waiting for it" if self._away else does
            return f"{printable(self._hosts[0])}  {does if left else 'done'}  {since}"
        begun = left if self._begun is None else [host for host in left if host in self._begun]
        running = [host for host in begun if host not in self._away]
        done, failed = len(self._hosts) - len(left), sum(self._failed.values())
        counts = f"{done}/{len(self._hosts)} done, {failed} failed, {len(running)} running"
        if len(left) > len(running):
            counts += f", {len(left) - len(running)} waiting"
        names = printable(", ".join(running)) if len(running) <= _MOST_NAMED else ""
        return f"{counts}  {since}  {names}".rstrip()


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
