"""Writes output from a thread of its own, as fast as its reader takes it."""

from __future__ import annotations

import threading
import time
from queue import Queue
from typing import TYPE_CHECKING

from dxansible.runner.events import OutputReceived

if TYPE_CHECKING:
    from collections.abc import Callable

    from dxansible.live import Screen
    from dxansible.runner.events import Event, Observer
    from dxansible.runner.flow import Flow

__all__ = ["PacedOutput"]

_PATIENCE = 2.0
"""Seconds that a reader has for the rest once the call was cancelled."""


class PacedOutput:
    """An observer that passes everything on in order, and never keeps its caller waiting.

    What it holds is bounded by the flow control of the run, which ``flow`` tells how much was
    written.
    """

    def __init__(
        self, inner: Observer, flow: Flow, screen: Screen, on_failure: Callable[[], None]
    ) -> None:
        """Text that others write to the screen keeps its place among the output.

        ``on_failure`` is called once nothing can be written any more; `drain` then says why.
        """
        self._inner, self._flow, self._on_failure = inner, flow, on_failure
        self._works: Queue[Callable[[], None]] = Queue()
        self._failure: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="dx-output", daemon=True)
        self._thread.start()
        screen.deferred = self._after_output

    def handle(self, news: Event) -> None:
        """Pass it on."""
        self._works.put(lambda: self._inner.handle(news))
        if isinstance(news, OutputReceived):
            skipped = news.out_skipped + news.err_skipped
            count = len(news.out) + len(news.err) + skipped
            self._works.put(lambda: self._flow.take(news.host, count))

    def drain(self, cancelled: threading.Event) -> None:
        """Wait until all is written; after ``cancelled`` only for a moment.

        Raises OSError if something could not be written.
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
        """Take work that has to come after the output that waits; False if there is none."""
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
