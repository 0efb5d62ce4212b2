"""Where the output of commands and of agents goes: at once, or at the end."""

from __future__ import annotations

import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from dxansible.cli.events import EventTellers
from dxansible.cli.terminal import SCREEN
from dxansible.errors import DxError
from dxansible.render.live import LiveOutput
from dxansible.render.paced import PacedOutput
from dxansible.render.progress import showing_progress
from dxansible.render.show import emit

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Sequence

    from dxansible.cli.table import Options
    from dxansible.results import FanoutResult
    from dxansible.run.events import Observer
    from dxansible.run.flow import Flow

__all__ = ["Output", "show_gathered", "watching"]


class Output:
    """Destination of output; with ``flow`` the command waits for its reader, and loses nothing."""

    def __init__(
        self,
        options: Options,
        cancelled: threading.Event,
        on_closed: Callable[[], None],
        flow: Flow | None,
        events: EventTellers | None = None,
    ) -> None:
        """``events`` get the run, too; those on standard output replace the output."""
        show = not (options.json or options.gather)
        self._quiet = options.quiet
        self._cancelled, self._events = cancelled, events or EventTellers()
        self._paced: PacedOutput | None = None
        self._live: Observer = self._events.lines or LiveOutput(
            SCREEN, show=show, on_closed=on_closed
        )
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
                yield (self._live, *progress, *self._events.observers)
            finally:
                self._drain()

    def _drain(self) -> None:
        if self._paced is not None:
            self._paced.drain(self._cancelled)

    def finish(self, results: Sequence[FanoutResult], code: int) -> None:
        """Report the summary to the events, after all output."""
        lines = self._events.lines
        if lines is None or self._paced is None:
            self._events.finish(results, code)
            return
        self._paced.then(lambda: lines.finish(results, code))
        self._drain()
        self._events.note(results, code)


@contextmanager
def watching(
    options: Options,
    on_closed: Callable[[], None],
    events: EventTellers | None = None,
    *,
    announce: bool = False,
    transcript: bool = False,
) -> Iterator[Sequence[Observer]]:
    """Yield the observers of a run of turns, which show its text and its progress.

    ``on_closed`` and ``announce`` are as for `LiveOutput`, ``events`` as for `Output`.
    ``transcript``: the text is one of a session.
    """
    events = events or EventTellers()
    live: Observer = events.lines or LiveOutput(
        SCREEN,
        show=not options.json,
        on_closed=on_closed,
        announce=announce and not options.json,
        quiet=options.quiet,
    )
    if transcript:
        from dxansible.render.transcript import Transcript  # noqa: PLC0415 - for such calls only

        live = Transcript(live, on_terminal=sys.stdout.isatty())
    with showing_progress(SCREEN, wanted=not options.quiet) as progress:
        yield (live, *progress, *events.observers)


def show_gathered(options: Options, results: Sequence[FanoutResult]) -> None:
    """``--gather``: show equal or similar outputs once, or what differs, as the options say."""
    from dxansible.render.gathered import EQUAL, gathered  # noqa: PLC0415 - for such calls only
    from dxansible.run.hosts import list_hosts  # noqa: PLC0415 - as above

    how = options.gather or EQUAL
    names: dict[str, Sequence[str]] = {}
    if how != EQUAL and len(results) > 1:
        with suppress(DxError):  # the inventory may have changed; the outputs count more
            for each in list_hosts(options.settings()):
                names[each.host] = (each.address, *each.aliases)
    for chunk in gathered(results, how, names):
        emit(chunk)
