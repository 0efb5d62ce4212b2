"""Asks the hosts of a pattern again and again; no host waits for another one."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from dxansible.errors import DxError
from dxansible.results import PreflightResult
from dxansible.run.events import HostEnded, HostsKnown, PreflightDone
from dxansible.run.turn_events import SessionsSeen
from dxansible.value import Value, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dxansible.run.events import Event, Observer

__all__ = ["Seen", "Watch"]

_TICK = 0.25
"""Seconds between two looks at which hosts are due."""
_AFTER_FAILURE = 3.0
"""Seconds until a host that did not answer is asked again."""
_LEAVING = 5.0
"""Seconds to wait for rounds that are cancelled."""


class Seen(Value):
    """The last answer of a host."""

    host: str
    found: SessionsSeen | PreflightResult | None = None
    """Its last listing, or the result of its last check."""
    error: str | None = None
    """Why the host did not answer when it was asked last."""
    at: float = 0.0
    """When it answered last, in seconds by `time.monotonic`; 0 if it never did."""
    waiting: float | None = None
    """Since when an answer is awaited, by the same clock; None if none is."""


class Watch:
    """Keeps the last answers of the hosts of a pattern, which it asks every ``pace`` seconds.

    The hosts that are due are asked in one run. A host that is slow is left to its run, and the
    next run has the others.
    """

    def __init__(
        self,
        pattern: str,
        ask: Callable[[str, Sequence[Observer]], Mapping[str, str]],
        changed: Callable[[], None],
        *,
        pace: float,
        checks: bool = False,
    ) -> None:
        """``ask`` asks the hosts of a pattern once, and returns the errors of silent ones.

        It is called in threads, and so is ``changed`` after each change. ``checks``: an answer is
        a check, not a listing.
        """
        self._pattern, self._ask, self._changed = pattern, ask, changed
        self._pace, self._checks = pace, checks
        self._lock = threading.Lock()
        self._hosts: dict[str, Seen] = {}
        self._due: dict[str, float] = {}
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
            hosts = self._begin()
            if hosts is not None:
                names = tuple(hosts)
                each = threading.Thread(target=self._round, args=(names,), daemon=True)
                self._rounds.add(each)
                each.start()
            if self._left.wait(_TICK):
                return

    def _begin(self) -> list[str] | None:
        """Return the hosts to ask now, none for all of the pattern; None if nobody is due."""
        now = time.monotonic()
        with self._lock:
            if not self._hosts:
                return None if self._rounds else []
            due = [
                host
                for host, seen in self._hosts.items()
                if seen.waiting is None and self._due.get(host, 0.0) <= now
            ]
            for host in due:
                self._hosts[host] = replace(self._hosts[host], waiting=now)
                self._due[host] = now + self._pace
            everybody = len(due) == len(self._hosts)  # the pattern may have other hosts by now
            return [] if everybody else due or None

    def _round(self, hosts: tuple[str, ...]) -> None:
        problem: DxError | OSError | None = None
        errors: dict[str, str] = {}
        listener = _Round(self, everybody=not hosts, checks=self._checks)
        try:
            errors = dict(self._ask(",".join(hosts) or self._pattern, [listener]))
        except (DxError, OSError) as error:
            problem = error
        for host in hosts or [each.host for each in self.seen()]:
            if host not in listener.heard:
                self.fail(host, errors.get(host))
        self.problem = problem
        self._rounds.discard(threading.current_thread())
        self._changed()

    def know(self, hosts: Sequence[str]) -> None:
        """Take the hosts of the pattern; those that are not among them are forgotten."""
        now = time.monotonic()
        with self._lock:
            before, self._hosts = self._hosts, {}
            for host in hosts:
                self._hosts[host] = before.get(host, Seen(host=host, waiting=now))
                self._due.setdefault(host, now + self._pace)
        self._changed()

    def answer(self, host: str, found: SessionsSeen | PreflightResult) -> None:
        """Take the answer of a host."""
        with self._lock:
            before = self._hosts.get(host, Seen(host=host)).found
            found = _with_version(found, before)
            self._hosts[host] = Seen(host=host, found=found, at=time.monotonic())
        self._changed()

    def fail(self, host: str, error: str | None) -> None:
        """Take the error of a host, None if it was not asked after all; its last answer stays."""
        with self._lock:
            seen = self._hosts.get(host, Seen(host=host))
            self._hosts[host] = replace(seen, error=error or seen.error, waiting=None)
            self._due[host] = time.monotonic() + _AFTER_FAILURE
        self._changed()


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
    """Observer of one run."""

    def __init__(self, watch: Watch, *, everybody: bool, checks: bool) -> None:
        self._watch, self._everybody, self._checks = watch, everybody, checks
        self.heard: set[str] = set()
        """Hosts that have said something: the next run may ask them already."""

    def handle(self, news: Event) -> None:
        """Take what a host says."""
        match news:
            case HostsKnown() if self._everybody:
                self._watch.know(news.hosts)
            case SessionsSeen(error=None):
                self._answer(news.host, news)
            case SessionsSeen():
                self._fail(news.host, str(news.error))
            case PreflightDone(result=result) if self._checks and result.ok:
                self._answer(result.host, result)
            case PreflightDone(result=result) if not result.ok:
                self._fail(result.host, result.error or str(result.status))
            case HostEnded() if news.result.error is not None:
                self._fail(news.result.host, news.result.error)
            case _:
                pass

    def _answer(self, host: str, found: SessionsSeen | PreflightResult) -> None:
        self.heard.add(host)
        self._watch.answer(host, found)

    def _fail(self, host: str, error: str) -> None:
        self.heard.add(host)
        self._watch.fail(host, error)
