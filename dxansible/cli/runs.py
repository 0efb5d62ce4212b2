"""``--runs``: shows the recorded runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.render import runs as render
from dxansible.render.show import emit, show, terminal_width
from dxansible.run.history import History
from dxansible.settings import history_dir

if TYPE_CHECKING:
    from dxansible.cli.table import Options

__all__ = ["show_runs"]


def show_runs(options: Options) -> int:
    """``--runs``."""
    directory = history_dir()
    runs = [] if directory is None else History(directory).runs()
    if options.json:
        emit(render.runs_document(runs))
    else:
        show(render.runs_table(runs, terminal_width()), end="")
    return 0
