"""Where the output of a command goes, or the events that tell it."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dxansible.cli.terminal import SCREEN
from dxansible.render.live import LiveOutput
from dxansible.render.paced import PacedOutput
from dxansible.render.progress import showing_progress

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Sequence

    from dxansible.cli.table import Options
    from dxansible.render.event_lines import EventLines
    from dxansible.results import FanoutResult
    from dxansible.run.events import Observer
    from dxansible.run.flow import Flow

__all__ = ["Output"]


class Output:
    """Destination of output; with ``flow`` the command waits for its reader, and loses nothing."""

    def __init__(
        self,
        options: Options,
        cancelled: threading.Event,
        on_closed: Callable[[], None],
        flow: Flow | None,
        *,
        lines: EventLines | None,
    ) -> None:
        """``lines`` shows events instead of output."""
        show = not (options.json or options.gather)
        self._quiet = options.quiet
        self._cancelled, self._lines = cancelled, lines
        self._paced: PacedOutput | None = None
        self._live: Observer = lines or LiveOutput(SCREEN, show=show, on_closed=on_closed)
        if options.diff is not None and sys.stdout.isatty():
            from dxansible.render.patch import PaintedPatch  # noqa: PLC0415 - on terminals only

            self._live = PaintedPatch(self._live)
        if flow is not None:
            self._paced = self._live = PacedOutput(self._live, flow, SCREEN, cancelled.set)

    @contextmanager
    def showing(self) -> Iterator[Sequence[Observer]]:
        """Yield the observers of a run; wait for the reader at its end."""
        with showing_progress(SCREEN, wanted=not self._quiet) as progress:
            try:
                yield (self._live, *progress)
            finally:
                self._drain()

    def _drain(self) -> None:
        if self._paced is not None:
            self._paced.drain(self._cancelled)

    def finish(self, results: Sequence[FanoutResult], code: int) -> None:
        """Tell the summary as the last event, with ``lines``."""
        lines = self._lines
        if lines is None:
            return
        if self._paced is None:
            lines.finish(results, code)
        else:
            self._paced.then(lambda: lines.finish(results, code))
            self._drain()
