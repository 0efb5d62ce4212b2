"""Shows the health of hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.record import FanoutOutcome
from dxansible.render import commands as render
from dxansible.render.show import emit, show
from dxansible.run.preflight import check_hosts
from dxansible.settings import content_dir, own_inventory

if TYPE_CHECKING:
    from dxansible.cli.table import Options
    from dxansible.settings import Settings

__all__ = ["show_health"]


def show_health(options: Options) -> int:
    """``--list``, and ``--status`` of hosts."""
    pattern, settings = "all" if options.status is None else options.status, options.settings()
    results = check_hosts(pattern, settings=settings, survey=True)
    if options.json:
        emit(render.health_document(results))
    else:
        show(render.health_table(results), end="")
        if options.list_all and not options.quiet:
            _show_inventory(settings)
    return 0 if all(result.ok for result in results) else FanoutOutcome.PREFLIGHT_FAILED.exit_code


def _show_inventory(settings: Settings) -> None:
    """Say where a user's own inventory goes, if the one in use came with dx-dispatch."""
    used = settings.inventory[0]
    if used == content_dir("inventory"):
        own = f"your own goes to {own_inventory()} (dx-dispatch --init)"
        show(f"inventory: {used}, which came with dx-dispatch; {own}", err=True)
