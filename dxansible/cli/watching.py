"""Shows agents' turns while they run."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from dxansible.cli.terminal import SCREEN
from dxansible.render.live import LiveOutput
from dxansible.render.progress import showing_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dxansible.cli.table import Options
    from dxansible.render.event_lines import EventLines
    from dxansible.run.events import Observer

__all__ = ["watching"]


@contextmanager
def watching(
    options: Options,
    on_closed: Callable[[], None],
    *,
    announce: bool = False,
    lines: EventLines | None = None,
) -> Iterator[Sequence[Observer]]:
    """Yield the observers of a run of turns, which show its text and its progress.

    ``on_closed`` and ``announce`` are as for `LiveOutput`. ``lines`` shows events instead.
    """
    live = lines or LiveOutput(
        SCREEN,
        show=not options.json,
        on_closed=on_closed,
        announce=announce and not options.json,
        quiet=options.quiet,
    )
    with showing_progress(SCREEN, wanted=not options.quiet) as progress:
        yield (live, *progress)
