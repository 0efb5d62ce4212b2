"""Where the output of a command goes, or the events that tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.cli.terminal import SCREEN
from dxansible.render.live import LiveOutput
from dxansible.render.paced import PacedOutput

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from dxansible.render.event_lines import EventLines
    from dxansible.results import FanoutResult
    from dxansible.run.events import Observer
    from dxansible.run.flow import Flow

__all__ = ["Output"]


class Output:
    """Destination of output; with ``flow`` the command waits for its reader, and loses nothing."""

    def __init__(
        self,
        cancelled: threading.Event,
        on_closed: Callable[[], None],
        flow: Flow | None,
        *,
        show: bool,
        lines: EventLines | None,
    ) -> None:
        """``lines`` tells events instead of showing output."""
        self._cancelled, self._lines = cancelled, lines
        self._paced: PacedOutput | None = None
        self.live: Observer = lines or LiveOutput(SCREEN, show=show, on_closed=on_closed)
        if flow is not None:
            self._paced = self.live = PacedOutput(self.live, flow, SCREEN, cancelled.set)

    def drain(self) -> None:
        """Wait for the reader."""
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
            self.drain()
