# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Drives the runs of many hosts in threads, a limited number of calls at a time.

A run occupies a thread for one call and the work on its answer. Then it goes to the end of the
queue, so hosts take turns when there are more hosts than threads.
"""

from __future__ import annotations

import contextvars
import heapq
import itertools
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from .host_run import Ask, News, Pause
from .link import CallTimeoutError
from .watchdog import Watch, Watchdog

if TYPE_CHECKING:
    from collections.abc import Callable

    from .host_door import HostDoor
    from .host_run import Steps

_MOST_BYTES = 8 * 2**20
"""Approximate limit on news not fetched yet; above it the runs wait."""
_BATCH_BYTES = 2**20
"""Limit on news fetched at a time. A single larger record is fetched alone."""
_LAZY_SECONDS = 0.25
"""Delay of news that is not urgent, so that more can join it."""
_GATHER_SECONDS, _MOST_GATHER_SECONDS = 0.01, 0.08
"""Delay of urgent news, so that more can join it: for each host that still runs, and at most."""


@dataclass(slots=True, eq=False)
class Running:
    """The run of one host in progress."""

    host: str
    door: HostDoor
    steps: Steps[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Item:
    host: str
    record: dict[str, Any]
    ended: bool
    size: int


class Fan:
    """Drives the runs of hosts and queues their news in order of arrival."""

    def __init__(self, width: int, watchdog: Watchdog | None = None) -> None:
        """Make at most ``width`` calls at a time. Several fans may share a watchdog."""
        self._width = width
        self._todo: deque[Callable[[], None]] = deque()
        self._paused: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self._threads = self._idle = 0
        self._closed = False
        self._work = threading.Condition()
        self._news: deque[_Item] = deque()
        self._pending = self._ended = 0
        self._urgent = False
        self._told = threading.Condition()
        self._left = 0
        self._watchdog = watchdog or Watchdog()
        self.results: dict[str, dict[str, Any]] = {}
        """Task results of the hosts that are done, without their records."""

    def add(self, host: str, start: Callable[[], Running]) -> None:
        """Queue a host: ``start`` makes its run, and the fan drives the run to its end."""
        with self._told:
            self._left += 1

        def begin() -> None:
            try:
                running = start()
            except BaseException as error:  # noqa: BLE001 - Ansible raises many types
                self._end(host, _broken(host, error))
                return
            # make the first call now: in the queue it would come after second calls to other hosts
            self._advance(running, lambda: next(running.steps), at_once=True)

        self._submit(begin)

    @property
    def left(self) -> int:
        """Hosts that are not done, or whose last news is not fetched yet."""
        with self._told:
            return self._left

    def news(self, patience: float) -> list[tuple[str, dict[str, Any]]]:
        """Fetch news: host and record. Waits up to ``patience`` seconds for some."""
        with self._told:
            self._told.wait_for(lambda: self._news or not self._left, patience)
            self._told.wait_for(
                lambda: self._urgent or not self._left, min(patience, _LAZY_SECONDS)
            )
            patience = _GATHER_SECONDS * (self._left - self._ended)
            self._told.wait_for(self._all_told, min(patience, _MOST_GATHER_SECONDS))
            batch: list[_Item] = []
            size = 0
            while self._news and (not batch or size + self._news[0].size <= _BATCH_BYTES):
                item = self._news.popleft()
                size += item.size
                batch.append(item)
            ended = sum(item.ended for item in batch)
            self._pending -= size
            self._ended -= ended
            self._left -= ended
            self._urgent = bool(self._news)
            self._told.notify_all()
        return [(item.host, item.record) for item in batch]

    def close(self) -> None:
        """Stop all runs where they are, and the threads. Drops the remaining news."""
        with self._told:
            self._closed = self._urgent = True
            self._left = 0
            self._news.clear()
            self._told.notify_all()
        with self._work:
            self._work.notify_all()

    def _all_told(self) -> bool:
        return self._left <= self._ended or self._pending > _BATCH_BYTES

    # the threads

    def _submit(self, work: Callable[[], None], delay: float = 0.0) -> None:
        with self._work:
            if delay:
                due = time.monotonic() + delay
                heapq.heappush(self._paused, (due, next(self._count), work))
            else:
                self._todo.append(work)
            self._work.notify()
            self._grow()

    def _grow(self) -> None:
        """Start a thread if the queue, or the end of a pause, needs one."""
        if self._closed:
            return
        if len(self._todo) + bool(self._paused) > self._idle and self._threads < self._width:
            self._threads += 1
            threading.Thread(
                target=_own_context().run, args=(self._loop,), name="dx-fan", daemon=True
            ).start()

    def _loop(self) -> None:
        with suppress(_GivenUpError):
            while work := self._next():
                work()

    def _next(self) -> Callable[[], None] | None:
        with self._work:
            self._idle += 1
            try:
                while not self._closed:
                    now = time.monotonic()
                    while self._paused and self._paused[0][0] <= now:
                        self._todo.append(heapq.heappop(self._paused)[2])
                    if self._todo:
                        return self._todo.popleft()
                    self._work.wait(self._paused[0][0] - now if self._paused else None)
                self._threads -= 1
                return None
            finally:
                self._idle -= 1
                self._grow()

    # one host

    def _advance(
        self,
        running: Running,
        move: Callable[[], Ask[Any] | Pause | News],
        *,
        at_once: bool = False,
    ) -> None:
        """Advance the run to its next call or pause, and queue that, or make the call at once."""
        while True:
            try:
                step: Ask[Any] | Pause | News = move()
            except StopIteration as end:
                self._end(running.host, end.value)
                return
            except BaseException as error:  # noqa: BLE001 - as above
                self._end(running.host, _broken(running.host, error))
                return
            move = partial(next, running.steps)
            match step:
                case News():
                    self._put(running.host, step.record, urgent=step.urgent, ended=False)
                case Pause():
                    self._submit(partial(self._advance, running, move), step.seconds)
                    return
                case Ask():
                    if at_once:
                        self._ask(running, step)
                    else:
                        self._submit(partial(self._ask, running, step))
                    return

    def _ask(self, running: Running, step: Ask[Any]) -> None:
        door = running.door
        watch = self._watchdog.begin(
            door.keeper.mark, step.seconds, lambda: self._given_up(running)
        )
        try:
            answer = step.make(door)
        except BaseException as error:  # noqa: BLE001 - passed on to the run
            failure = CallTimeoutError() if watch.fired else error
            self._returned(watch)
            self._advance(running, lambda: running.steps.throw(failure))
        else:
            self._returned(watch)
            self._advance(running, lambda: running.steps.send(answer))

    def _returned(self, watch: Watch) -> None:
        if not self._watchdog.end(watch):
            raise _GivenUpError

    def _given_up(self, running: Running) -> None:
        """Replace the call's thread, which may be stuck for good."""
        with self._work:
            self._threads -= 1
        failure = CallTimeoutError()
        self._submit(lambda: self._advance(running, lambda: running.steps.throw(failure)))

    def _end(self, host: str, result: dict[str, Any]) -> None:
        record = result.pop("dx")
        self.results[host] = result
        self._put(host, record | {"done": True}, urgent=True, ended=True)

    def _put(self, host: str, record: dict[str, Any], *, urgent: bool, ended: bool) -> None:
        size = record_size(record)
        with self._told:
            self._told.wait_for(
                lambda: self._closed or not self._pending or self._pending + size <= _MOST_BYTES
            )
            if self._closed:
                return
            self._news.append(_Item(host, record, ended, size))
            self._pending += size
            self._ended += ended
            self._urgent |= urgent
            self._told.notify_all()


def _own_context() -> contextvars.Context:
    """Return a copy of the context: Ansible's templates use context variables.

    One of them is a list that Ansible changes while it makes a template. A copy of the context has
    the same list, and two threads that change it spoil each other's templates.
    """
    context = contextvars.copy_context()
    for variable in list(context):
        if variable.name == "AnsibleAccessContext":
            context.run(variable.set, type(context[variable])())
    return context


class _GivenUpError(Exception):
    """The watchdog gave up this thread's call; another thread continues with the host."""


def record_size(record: dict[str, Any]) -> int:
    """The approximate size of a record in bytes."""
    size = 1000
    for name in ("out", "err"):
        if isinstance(record.get(name), dict):
            size += len(record[name]["data"])
    texts = record.get("text") or ()
    return size + sum(len(text) for _moment, text in texts)


def _broken(host: str, error: BaseException) -> dict[str, Any]:
    """The result of a host whose run raised an error: in Ansible, the inventory, or our code.

    ``origins`` in its record are the places that Ansible names as the cause, outermost first.
    """
    text = str(error) or type(error).__name__
    origins = _origins(error)
    where = f" ({origins[-1].splitlines()[0]})" if origins else ""
    record = {"kind": "broken", "error": text, "origins": origins}
    return {"failed": True, "changed": False, "msg": f"{host}: {text}{where}", "dx": record}


def _origins(error: BaseException | None) -> list[str]:
    found = []
    while error is not None:
        context = getattr(error, "_formatted_source_context", None)
        if context:
            found.append(str(context))
        error = error.__cause__ or error.__context__
    return found
