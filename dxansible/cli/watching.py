"""Shows agents' turns while they run."""

from __future__ import annotations

import sys
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
    transcript: bool = False,
) -> Iterator[Sequence[Observer]]:
    """Yield the observers of a run of turns, which show its text and its progress.

    ``on_closed`` and ``announce`` are as for `LiveOutput`. ``lines`` shows events instead.
    ``transcript``: the text is one of a session.
    """
    live: Observer = lines or LiveOutput(
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
        yield (live, *progress)
