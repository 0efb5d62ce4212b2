"""The names of an inventory, for completion: kept from Ansible's last reading of it.

Ansible takes about a second to read an inventory, so a process in the background does it once the
files have changed. An inventory with a script, or with a plugin that may ask a network, is not read
for a completion; its names are those of the last ``--list``.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING

from dxansible.errors import DxError
from dxansible.run.inventory_stamp import stamp_of
from dxansible.seen import Names, keep_names, names_of, reading_alone
from dxansible.settings import environment_for_names, join_inventory
from dxansible.value import replace

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dxansible.results import PreflightResult
    from dxansible.settings import Settings

__all__ = ["keep_listed", "known_names", "refresh"]


def known_names(sources: Sequence[Path]) -> Names:
    """Return the names of an inventory, as far as they are known; begin to read it if it is new."""
    name = join_inventory(sources)
    found = names_of(name)
    stamp = stamp_of(sources)
    if stamp is not None and stamp != found.stamp:
        _start_reading(name)
    return found


def refresh(settings: Settings) -> None:
    """Read the inventory and keep its names, unless another process is about to. Raises OSError."""
    from dxansible.run.hosts import read_names  # noqa: PLC0415 - for the background process only

    name = settings.inventory_name
    with reading_alone(name) as alone:
        stamp = stamp_of(settings.sources)
        before = names_of(name)
        if not alone or stamp is None or stamp == before.stamp:
            return
        try:
            found = read_names(settings)
        except DxError:
            found = before  # until the files change again
        keep_names(name, replace(found, stamp=stamp))


def keep_listed(sources: Sequence[Path], results: Sequence[PreflightResult]) -> None:
    """Keep the names in a list of all hosts, unless more is known."""
    name, stamp = join_inventory(sources), stamp_of(sources)
    if stamp is not None and stamp == names_of(name).stamp:
        return
    groups = chain.from_iterable((*each.aliases, *each.capabilities) for each in results)
    listed = Names(
        hosts=tuple(each.host for each in results),
        groups=tuple(dict.fromkeys(groups)),
        agents=tuple(dict.fromkeys(each.agent for each in results if each.agent)),
    )
    keep_names(name, listed)


def _start_reading(inventory: str) -> None:
    """Start a process that calls `refresh` and outlives this one."""
    nothing = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in range(3)]
    with suppress(OSError, NotImplementedError):  # some systems have no setsid for it
        os.posix_spawn(
            sys.executable,
            [sys.executable, "-P", "-m", "dxansible"],
            environment_for_names(inventory),
            file_actions=nothing,
            setsid=True,
        )
