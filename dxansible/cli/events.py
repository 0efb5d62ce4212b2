"""Tells programs of a call: events (``--jsonl``, DX_EVENTS), and metrics of its end."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from dxansible.cli.terminal import SCREEN
from dxansible.errors import DxError
from dxansible.render.screen import Outlet
from dxansible.settings import events_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dxansible.cli.table import Options
    from dxansible.render.event_lines import EventLines
    from dxansible.render.metrics import MetricsFile
    from dxansible.results import FanoutResult, TurnResult
    from dxansible.run.events import Observer

__all__ = ["EventTellers", "telling_events"]


class EventTellers:
    """The tellers of one call; each is None if nobody wants it."""

    def __init__(
        self,
        lines: EventLines | None = None,
        file: EventLines | None = None,
        metrics: MetricsFile | None = None,
    ) -> None:
        """``lines`` tells events on standard output, ``file`` in a file."""
        self.lines, self._file, self._metrics = lines, file, metrics

    @property
    def observers(self) -> Sequence[Observer]:
        """The observers of the run, besides the one that shows output."""
        return [self._file] if self._file else []

    def finish(self, results: Sequence[FanoutResult] | Sequence[TurnResult], code: int) -> None:
        """Report the summary, as the last event and in the metrics."""
        if self.lines is not None:
            self.lines.finish(results, code)
        self.note(results, code)

    def note(self, results: Sequence[FanoutResult] | Sequence[TurnResult], code: int) -> None:
        """Write the summary to the file, and the metrics."""
        if self._file is not None:
            self._file.finish(results, code)
        if self._metrics is not None:
            self._metrics.write(results, code)

    def fail(self, error: DxError) -> None:
        """Write to the file and the metrics that there are no results."""
        if self._file is not None:
            self._file.fail(error)
        if self._metrics is not None:
            self._metrics.write([], error.exit_code)


@contextmanager
def telling_events(
    options: Options, call_id: str, on_closed: Callable[[], None]
) -> Iterator[EventTellers]:
    """Tell the events of the work in the block, if somebody wants them.

    ``call_id`` is the id for ``--logs``. ``on_closed`` is called once the reader of our standard
    output is gone.
    """
    path = events_path()
    if not options.jsonl and path is None and options.metrics is None:
        yield EventTellers()
        return
    from dxansible.render.event_file import EventFile  # noqa: PLC0415 - as above
    from dxansible.render.event_lines import EventLines  # noqa: PLC0415 - seldom wanted
    from dxansible.render.metrics import MetricsFile  # noqa: PLC0415 - as above

    lines = EventLines(Outlet(SCREEN, on_closed).write, call_id) if options.jsonl else None
    file = EventFile(path) if path is not None else None
    noted = EventLines(file.write, call_id) if file else None
    metrics = MetricsFile(options.metrics) if options.metrics is not None else None
    tellers = EventTellers(lines, noted, metrics)
    try:
        yield tellers
    except DxError as error:
        tellers.fail(error)
        raise
    finally:
        if file is not None:
            file.close()
