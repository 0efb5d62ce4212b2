"""Runs one of our playbooks and hands its events on, typed."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dxansible.errors import InventoryError
from dxansible.parameters import FORKS
from dxansible.run.events import HostsKnown, OutputReceived, PreflightDone, parse
from dxansible.run.patterns import check_pattern
from dxansible.run.play import play
from dxansible.run.request import PlayEnd, PlayRequest
from dxansible.run.turn_events import TurnUpdate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dxansible.run.events import Event
    from dxansible.run.flow import Flow
    from dxansible.run.request import Again
    from dxansible.settings import Settings

__all__ = ["run_play"]


def run_play(  # noqa: PLR0913 - all but the first two are options by name
    settings: Settings,
    playbook: str,
    *,
    limit: str,
    variables: Mapping[str, object],
    handle: Callable[[Event], None],
    cancelled: threading.Event | None = None,
    secret_text: bytes | None = None,
    forks: int | None = None,
    flow: Flow | None = None,
    again: Again | None = None,
) -> PlayEnd:
    """Run it on the hosts of an Ansible pattern; ``handle`` gets the events one at a time.

    ``secret_text`` reaches the playbook over a socket. ``forks`` of None is the settings' number.
    With ``flow`` commands wait for the reader of their output. If Ansible is killed, the run
    continues as ``again`` says: at once and without an engine if it was an engine, else after a
    pause, as after a lost connection. Raises UsageError for an empty pattern, EngineError and
    ContentError, and InventoryError if the inventory has a variable for every host of the run that
    Ansible can't use.
    """
    check_pattern(limit)
    broken: list[PreflightDone] = []
    usable: list[Event] = []
    reached = False
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
        nonlocal reached
        for news in parse(raw):
            reached |= _is_answer(news)
            if isinstance(news, PreflightDone) and news.misconfigured:
                broken.append(news)
            elif not usable and not isinstance(news, HostsKnown):
                usable.append(news)
            handle(news)

    gone, failures = cancelled or threading.Event(), 0
    end = play(request, take_raw, gone)
    while end.killed and again is not None and not gone.is_set():
        if not end.engine_lost:
            failures = 1 if reached else failures + 1
        left = again.rest()
        if not left or failures > again.max_retries:
            break
        request = _further(request, left, again.prepare(), engine_lost=end.engine_lost)
        if not end.engine_lost:
            gone.wait(again.retry_delay_sec)
        reached = False
        end = play(request, take_raw, gone)
    if broken and not usable:
        raise _inventory_error(broken)
    return end


def _is_answer(news: Event) -> bool:
    """Whether the event says that a VM has its work."""
    return isinstance(news, OutputReceived) or (isinstance(news, TurnUpdate) and news.started)


def _further(
    request: PlayRequest, left: str, more: Mapping[str, object], *, engine_lost: bool
) -> PlayRequest:
    variables = {**request.variables, **more}
    engine = request.engine and not engine_lost
    return replace(request, limit=left, variables=variables, engine=engine)


def _inventory_error(broken: Sequence[PreflightDone]) -> InventoryError:
    what, _, remedy = str(broken[0].result.error).rpartition("; ")
    more = f"; and so it is with {len(broken) - 1} more" if len(broken) > 1 else ""
    return InventoryError(f"{what}{more}", remedy)
