"""Runs one of our playbooks and hands its events on, typed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dxansible.errors import InventoryError
from dxansible.fleet.patterns import check_pattern
from dxansible.parameters import FORKS
from dxansible.runner.backend import play
from dxansible.runner.events import Event, HostsKnown, PreflightDone, parse
from dxansible.runner.request import PlayEnd, PlayRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dxansible.runner.flow import Flow
    from dxansible.settings import Settings

__all__ = ["Observer", "run_play"]

Observer = Callable[[Event], None]
"""Is told every event of a run, from one thread at a time."""


def run_play(  # noqa: PLR0913 - all but the first two are options by name
    settings: Settings,
    playbook: str,
    *,
    limit: str,
    variables: Mapping[str, object],
    take: Callable[[Event], None],
    cancelled: threading.Event | None = None,
    secret_text: bytes | None = None,
    forks: int | None = None,
    observer: Observer | None = None,
    flow: Flow | None = None,
) -> PlayEnd:
    """Run it on the hosts of an Ansible pattern; ``take`` gets the events one at a time.

    So does ``observer``, before it. ``secret_text`` reaches the playbook over a socket. ``forks``
    of None is the settings' number. With ``flow`` commands wait for the reader of their output.
    Raises UsageError for a pattern that is empty, EngineError and ContentError, and InventoryError
    if the inventory has a variable for every host of the run that Ansible can't use.
    """
    check_pattern(limit)
    broken: list[PreflightDone] = []
    usable: list[Event] = []
    request = PlayRequest(
        playbook=settings.playbooks / playbook,
        inventory=settings.inventory,
        limit=limit,
        variables=variables,
        secret_text=secret_text,
        flow=flow,
        forks=forks or settings.forks or FORKS,
        environment=settings.environment,
        runtime_dir=settings.runtime_dir,
        engine=settings.engine,
    )

    def take_raw(raw: dict[str, Any]) -> None:
        for news in parse(raw):
            if isinstance(news, PreflightDone) and news.misconfigured:
                broken.append(news)
            elif not usable and not isinstance(news, HostsKnown):
                usable.append(news)
            if observer is not None:
                observer(news)
            take(news)

    end = play(request, take_raw, cancelled or threading.Event())
    if broken and not usable:
        raise _inventory_error(broken)
    return end


def _inventory_error(broken: Sequence[PreflightDone]) -> InventoryError:
    what, _, remedy = str(broken[0].result.error).rpartition("; ")
    more = f"; and so it is with {len(broken) - 1} more" if len(broken) > 1 else ""
    return InventoryError(f"{what}{more}", remedy)
