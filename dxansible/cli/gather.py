"""``--gather``: shows the outputs of all hosts together."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from dxansible.errors import DxError
from dxansible.render.gathered import EQUAL, gathered
from dxansible.render.show import emit
from dxansible.run.hosts import list_hosts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dxansible.cli.table import Options
    from dxansible.results import FanoutResult

__all__ = ["show_gathered"]


def show_gathered(options: Options, results: Sequence[FanoutResult]) -> None:
    """Show equal or similar outputs once, or what differs, as the options say."""
    how = options.gather or EQUAL
    names: dict[str, Sequence[str]] = {}
    if how != EQUAL and len(results) > 1:
        with suppress(DxError):  # the inventory may have changed; the outputs count more
            for each in list_hosts(options.settings()):
                names[each.host] = (each.address, *each.aliases)
    for chunk in gathered(results, how, names):
        emit(chunk)
