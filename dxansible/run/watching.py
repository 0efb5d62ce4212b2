"""Listens to the hosts of a pattern until somebody ends it; no host waits for another one."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from dxansible.errors import DxError
from dxansible.results import PreflightResult
from dxansible.run.events import HostEnded, HostsKnown, PreflightDone
from dxansible.run.turn_events import HostAlive, SessionsSeen
from dxansible.value import Value, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dxansible.run.events import Event, Observer

    Ask = Callable[[str, tuple[float, int], Sequence[Observer]], Mapping[str, str]]

__all__ = ["Seen", "Watch"]

_STRETCH = 120.0
"""Seconds that a run listens to its hosts; the next one reads the inventory again."""
_LONGEST_WAIT = 15
"""Seconds after which a host in such a run answers although nothing has changed."""
_TICK = 0.25
"""Seconds between two looks at which hosts are due."""
_SILENT = 5.0
"""Seconds after which a host that should have answered counts as unreachable."""
_AFTER_FAILURE = 3.0
"""Seconds until a host that did not answer is asked again."""
_LEAVING = 5.0
"""Seconds to wait for rounds that are cancelled."""


class Seen(Value):
    """The last answer of a host. Times are by `time.monotonic`."""

    host: str
    found: SessionsSeen | PreflightResult | None = None
    """Its last listing, or the result of its last check."""
    error: str | None = None
    """Why the host did not answer when it was asked last."""
    at: float = 0.0
    """When it said so; 0 if it never did."""
    heard: float = 0.0
    """When it answered last, with news or without."""
    waiting: float | None = None
    """Since when an answer is awaited; None if none is."""
    silent: float = 0.0
    """When the host counts as silent, if it is still awaited then."""


class Watch:
    """Keeps the last answers of the hosts of a pattern.

    The hosts that are due are asked in one run, which goes on listening to them. A host that is
    slow is left to its run, and the next run has the others.
    """

    def __init__(  # noqa: PLR0913 - all but three are options by name
        self,
        pattern: str,
        ask: Ask,
        changed: Callable[[], None],
        *,
        pace: float,
        width: int,
        stretch: float = _STRETCH,
        checks: bool = False,
    ) -> None:
        """``ask`` asks the hosts of a pattern, and returns the errors of silent ones.

        Its second argument is ``watch`` of `list_sessions`. It is called in threads, and so is
        ``changed`` after each change. A run listens for ``stretch`` seconds; the first one, and
        those of more than ``width`` hosts, which are not asked all at a time, have each host answer
        once. It is asked again ``pace`` seconds after the beginning of that run. ``checks``: an
        answer is a check, not a listing.
        """
        self._pattern, self._ask, self._changed = pattern, ask, changed
        self._pace, self._width, self._stretch, self.checks = pace, width, stretch, checks
        self._lock = threading.Lock()
        self._hosts: dict[str, Seen] = {}
        self._due: dict[str, float] = {}
        self._asking: dict[str, _Round] = {}
        """The run that a host's next answer is expected from."""
        self._rounds: set[threading.Thread] = set()
        self._left = threading.Event()
        self._clock = threading.Thread(target=self._tick, name="dx-watch", daemon=True)
        self.problem: DxError | OSError | None = None
        """Why the last run could not ask anybody."""

    def start(self) -> None:
        """Begin to ask."""
        self._clock.start()

    def stop(self) -> None:
        """Ask no more, and wait for runs that were cancelled."""
        self._left.set()
        deadline = time.monotonic() + _LEAVING
        self._clock.join(_LEAVING)
        for each in list(self._rounds):
            each.join(max(0.0, deadline - time.monotonic()))

    def seen(self) -> list[Seen]:
        """Return what is known of each host, in the inventory's order."""
        with self._lock:
            return list(self._hosts.values())

    def _tick(self) -> None:
        while True:
            next_round = self._begin()
            if next_round is not None:
                each = threading.Thread(target=self._run, args=(next_round,), daemon=True)
                self._rounds.add(each)
                each.start()
            if self._left.wait(_TICK):
                return

    def _begin(self) -> _Round | None:
        """Return a run of the hosts to ask now; None if nobody is due."""
        now = time.monotonic()
        with self._lock:
            if not self._hosts:
                return None if self._rounds else _Round(self, (), now, 0)
            due = [
                host
                for host in self._hosts
                if host not in self._asking and self._due.get(host, 0.0) <= now
            ]
            listens = len(self._hosts) <= self._width
            # not by name if possible: the pattern may have other hosts by now. Where runs are long,
            # a slow host does not prevent that, but is asked by two of them for a while.
            some = len(due) * 2 <= len(self._hosts) if listens else len(due) < len(self._hosts)
            if not due:
                return None
            made = _Round(self, tuple(due) if some else (), now, self._stretch * listens)
            self._expect(due, made)
            return made

    def _expect(self, hosts: Sequence[str], asked: _Round) -> None:
        for host in hosts:
            self._asking[host] = asked
            self._hosts[host] = replace(
                self._hosts[host], waiting=asked.began, silent=asked.began + _SILENT
            )

    def _run(self, asked: _Round) -> None:
        problem: DxError | OSError | None = None
        errors: dict[str, str] = {}
        try:
            pattern = ",".join(asked.hosts) or self._pattern
            errors = dict(self._ask(pattern, asked.watch, [asked]))
        except (DxError, OSError) as error:
            problem = error
        for host in [host for host, each in list(self._asking.items()) if each is asked]:
            self._end(host, asked, None if host in asked.heard else errors.get(host))
        self.problem = problem
        self._rounds.discard(threading.current_thread())
        self._changed()

    def know(self, hosts: Sequence[str], asked: _Round) -> None:
        """Take the hosts of the pattern; those that are not among them are forgotten."""
        with self._lock:
            before = self._hosts
            self._hosts = {host: before.get(host, Seen(host=host)) for host in hosts}
            self._asking = {host: self._asking[host] for host in hosts if host in self._asking}
            self._expect([host for host in hosts if host not in self._asking], asked)
        self._changed()

    def answer(self, host: str, found: SessionsSeen | PreflightResult, asked: _Round) -> None:
        """Take the answer of a host."""
        with self._lock:
            seen = self._hosts.get(host)
            if seen is not None:
                found = _with_version(found, seen.found)
                self._hosts[host] = replace(seen, found=found, error=None, at=time.monotonic())
        self.hear(host, asked)
        self._changed()

    def hear(self, host: str, asked: _Round) -> None:
        """Take a sign of life. The last one of a run comes after ``ends``, not before."""
        now = time.monotonic()
        with self._lock:
            seen = self._hosts.get(host)
            if seen is None:  # the inventory has lost it meanwhile
                return
            waiting = None if seen.waiting is None else now
            silent = now + _LONGEST_WAIT + _SILENT
            self._hosts[host] = replace(seen, heard=now, waiting=waiting, silent=silent)
        if now >= asked.ends:
            self._end(host, asked, None)

    def fail(self, host: str, error: str, asked: _Round) -> None:
        """Take the error of a host; its last answer stays."""
        self._end(host, asked, error)
        self._changed()

    def _end(self, host: str, asked: _Round, error: str | None) -> None:
        """Expect nothing more of a host from a run, which ended with an error or without."""
        with self._lock:
            if host not in self._hosts:
                return
            if error is not None:
                self._hosts[host] = replace(self._hosts[host], error=error)
            if self._asking.get(host) is not asked:
                return
            del self._asking[host]
            self._hosts[host] = replace(self._hosts[host], waiting=None)
            now = time.monotonic()
            self._due[host] = now + _AFTER_FAILURE if error else asked.began + self._pace


def _with_version(
    found: SessionsSeen | PreflightResult, before: SessionsSeen | PreflightResult | None
) -> SessionsSeen | PreflightResult:
    """Return an answer with the agent's version from the last one, if it was not asked for."""
    if not (isinstance(found, PreflightResult) and isinstance(before, PreflightResult)):
        return found
    if found.agent_version or not found.agent_found or found.agent != before.agent:
        return found
    return replace(found, agent_version=before.agent_version)


class _Round:
    """Observer of one run, of these hosts or of the whole pattern."""

    def __init__(self, watch: Watch, hosts: tuple[str, ...], began: float, stretch: float) -> None:
        self._watch, self.hosts, self.began = watch, hosts, began
        self.ends = began + stretch
        self.watch = (stretch, _LONGEST_WAIT if stretch else 0)
        self.heard: set[str] = set()

    def handle(self, news: Event) -> None:
        """Take what a host says."""
        watch = self._watch
        match news:
            case HostsKnown() if not self.hosts:
                watch.know(news.hosts, self)
            case SessionsSeen(error=None):
                self.heard.add(news.host)
                watch.answer(news.host, news, self)
            case HostAlive():
                self.heard.add(news.host)
                watch.hear(news.host, self)
            case SessionsSeen():
                watch.fail(news.host, str(news.error), self)
            case PreflightDone(result=result) if watch.checks and result.ok:
                self.heard.add(result.host)
                watch.answer(result.host, result, self)
            case PreflightDone(result=result) if not result.ok:
                watch.fail(result.host, result.error or str(result.status), self)
            case HostEnded() if news.result.error is not None:
                watch.fail(news.result.host, news.result.error, self)
            case _:
                pass
