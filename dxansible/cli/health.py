"""Shows the health of hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.record import FanoutOutcome
from dxansible.render import commands as render
from dxansible.render.show import emit, show, terminal_width
from dxansible.run.preflight import check_hosts

if TYPE_CHECKING:
    from dxansible.cli.table import Options

__all__ = ["show_health"]


def show_health(options: Options) -> int:
    """``--list``, and ``--status`` of hosts."""
    if options.watch:
        from dxansible.cli.watch import watch_hosts  # noqa: PLC0415 - for such calls only

        return watch_hosts(options)
    pattern = "all" if options.status is None else options.status
    results = check_hosts(pattern, settings=options.settings(), survey=True)
    if options.json:
        emit(render.health_document(results))
    else:
        show(render.health_table(results, terminal_width()), end="")
    return 0 if all(result.ok for result in results) else FanoutOutcome.PREFLIGHT_FAILED.exit_code
