"""Writes output from a thread of its own, as fast as its reader takes it."""

from __future__ import annotations

import threading
import time
from queue import Queue
from typing import TYPE_CHECKING

from dxansible.run.events import OutputReceived

if TYPE_CHECKING:
    from collections.abc import Callable

    from dxansible.render.screen import Screen
    from dxansible.run.events import Event, Observer
    from dxansible.run.flow import Flow

__all__ = ["PacedOutput"]

_PATIENCE = 2.0
"""Seconds for the reader to take the rest after the call was cancelled."""


class PacedOutput:
    """Observer that passes everything on in order, and never blocks its caller.

    The run's flow control bounds the queue: ``flow`` counts the bytes that were written.
    """

    def __init__(
        self, inner: Observer, flow: Flow, screen: Screen, on_failure: Callable[[], None]
    ) -> None:
        """Text that others write to the screen keeps its place in the output.

        ``on_failure`` is called once writing fails; `drain` then raises the error.
        """
        self._inner, self._flow, self._on_failure = inner, flow, on_failure
        self._works: Queue[Callable[[], None]] = Queue()
        self._failure: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="dx-output", daemon=True)
        self._thread.start()
        screen.deferred = self._after_output

    def handle(self, news: Event) -> None:
        """Queue the event."""
        self.then(lambda: self._inner.handle(news))
        if isinstance(news, OutputReceived):
            skipped = news.out_skipped + news.err_skipped
            count = len(news.out) + len(news.err) + skipped
            self.then(lambda: self._flow.take(news.host, count))

    def then(self, work: Callable[[], None]) -> None:
        """Queue work behind everything that was passed on until now."""
        self._works.put(work)

    def drain(self, cancelled: threading.Event) -> None:
        """Wait until everything is written; once ``cancelled`` is set, only for a moment.

        Raises OSError if a write failed.
        """
        end: float | None = None
        with self._works.all_tasks_done:
            while self._works.unfinished_tasks:
                if end is None and cancelled.is_set():
                    end = time.monotonic() + _PATIENCE
                if end is not None and time.monotonic() > end:
                    break
                self._works.all_tasks_done.wait(0.1)
        if self._failure is not None:
            raise self._failure

    def _after_output(self, work: Callable[[], None]) -> bool:
        """Queue work behind pending output; return False if none is pending."""
        if not self._works.unfinished_tasks or threading.current_thread() is self._thread:
            return False
        self._works.put(work)
        return True

    def _run(self) -> None:
        while True:
            work = self._works.get()
            try:
                work()
            except OSError as error:
                if self._failure is None:
                    self._failure = error
                    self._on_failure()
            self._works.task_done()
