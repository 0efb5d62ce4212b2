"""Follows or stops a command by its id alone, wherever it was started."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from dxansible.ids import run_of
from dxansible.results import FanoutResult
from dxansible.run.event_log import EventLog
from dxansible.run.gather import ResultCollector
from dxansible.run.hosts import hosts_of
from dxansible.run.plays import Play
from dxansible.run.stops import answer_of, end_stop
from dxansible.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dxansible.run.events import Event, Observer
    from dxansible.run.flow import Flow

__all__ = ["abort_command", "abort_commands", "follow_command", "follow_commands"]


def follow_command(  # noqa: PLR0913 - all but the first two are options by name
    session_id: str,
    settings: Settings | None = None,
    *,
    observers: Sequence[Observer] = (),
    cancelled: threading.Event | None = None,
    wait: bool = True,
    flow: Flow | None = None,
) -> FanoutResult | None:
    """Follow a command from the first byte of its output to its end, and return its result.

    Returns None if ``cancelled`` is set before the end; the command goes on. Without ``wait`` it
    only asks the VM, fetches no output, and returns None if the command is still running. With
    ``flow`` the command waits for its reader: an observer reports to ``flow`` how much it has
    passed on. Raises UsageError for an id that can't belong to a host of the inventory.
    """
    found = follow_commands(
        [session_id], settings, wait=wait, observers=observers, cancelled=cancelled, flow=flow
    )
    return found[0] if found else None


def follow_commands(  # noqa: PLR0913 - all but the first two are options by name
    session_ids: Sequence[str],
    settings: Settings | None = None,
    *,
    wait: bool = True,
    observers: Sequence[Observer] = (),
    cancelled: threading.Event | None = None,
    flow: Flow | None = None,
) -> list[FanoutResult]:
    """Do the same as `follow_command` for several sessions of one run.

    Once ``cancelled`` is set, or without ``wait``, commands that have not ended have no result.
    """
    return _attach(
        "follow-command.yml", session_ids, settings,
        wait=wait, observers=observers, cancelled=cancelled, flow=flow,
    )  # fmt: skip


def abort_command(session_id: str, settings: Settings | None = None) -> FanoutResult:
    """Stop a command and verify that its processes are gone.

    A command that had ended by itself keeps its outcome, and ``error`` says so. A VM that does not
    answer is a FAILURE, LOST_CONTACT.
    """
    return abort_commands([session_id], settings)[0]


def abort_commands(
    session_ids: Sequence[str], settings: Settings | None = None
) -> list[FanoutResult]:
    """Do the same as `abort_command` for several sessions of one run."""
    return _attach("stop-command.yml", session_ids, settings, stops=True)


def _attach(  # noqa: PLR0913 - what a run needs
    playbook: str,
    session_ids: Sequence[str],
    settings: Settings | None,
    *,
    wait: bool = True,
    observers: Sequence[Observer] = (),
    cancelled: threading.Event | None = None,
    flow: Flow | None = None,
    stops: bool = False,
) -> list[FanoutResult]:
    """Run a playbook over the sessions of one run, which it follows or ``stops``."""
    if not session_ids:
        return []
    chosen, gone = settings or Settings.load(), cancelled or threading.Event()
    run_id = run_of(session_ids[0])
    command = session_ids[0] if len(session_ids) == 1 else run_id
    observers = [EventLog(command=command), *observers]
    collector = ResultCollector(
        FanoutResult, observers, command=command, passes_on=flow is not None,
        machine=chosen.machine,
    )  # fmt: skip
    hosts = hosts_of(session_ids, chosen)
    session_of = dict(zip(hosts, session_ids, strict=True)).__getitem__

    def handle(news: Event) -> None:
        collector.handle(answer_of(news, session_of) if stops else news)
        if not wait and all(map(collector.moves.has_work, hosts)):
            gone.set()

    limit = ",".join(hosts)
    end = Play(
        chosen,
        playbook,
        limit=limit,
        variables={"dx_run_id": run_id, "dx_stream": wait},
        cancelled=gone,
        flow=flow,
    ).follow(handle, collector.again(limit) if wait else collector.ask_again(limit))
    if not gone.is_set():
        for host in hosts:
            collector.expect(host, session_of(host))
        if stops:
            end_stop(collector, end, session_of)
        collector.end_silent(end)
    return [collector.results[host] for host in hosts if host in collector.results]
