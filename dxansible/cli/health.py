"""Shows the health of hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.cli.terminal import SCREEN, wants_line
from dxansible.record import FanoutOutcome
from dxansible.render import commands as render
from dxansible.render.progress import showing_progress
from dxansible.render.show import emit, show, terminal_width
from dxansible.run.names import keep_listed
from dxansible.run.preflight import check_hosts
from dxansible.settings import content_dir, own_inventory

if TYPE_CHECKING:
    from dxansible.cli.table import Options
    from dxansible.settings import Settings

__all__ = ["show_health"]


def show_health(options: Options) -> int:
    """``--list``, and ``--status`` of hosts."""
    pattern = "all" if options.status is None else options.status
    settings = options.settings()
    with showing_progress(SCREEN, wanted=not options.quiet, checks=True) as progress:
        results = check_hosts(pattern, settings=settings, survey=True, observers=progress)
    if options.json:
        emit(render.health_document(results))
        for result in results:
            if result.error and wants_line(options, failed=True):
                show(result.error, err=True)
    else:
        show(render.health_table(results, terminal_width()), end="")
        if options.list_all and not options.quiet:
            _show_inventory(settings)
    if options.status is None:
        keep_listed(settings.sources, results)
    return 0 if all(result.ok for result in results) else FanoutOutcome.PREFLIGHT_FAILED.exit_code


def _show_inventory(settings: Settings) -> None:
    """Say where a user's own inventory goes, if the one in use came with dx-dispatch."""
    used = settings.sources[0]
    if used == content_dir("inventory"):
        own = f"your own goes to {own_inventory()} (dx-dispatch --init)"
        show(f"inventory: {used}, which came with dx-dispatch; {own}", err=True)
