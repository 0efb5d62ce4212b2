"""Comes back to a command by its id alone, wherever it was started from."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from dxansible.errors import UsageError
from dxansible.fleet.hosts import list_hosts
from dxansible.fleet.plays import run_play
from dxansible.ids import is_on, run_of
from dxansible.outcome import FanoutOutcome, FanoutResult, Reason
from dxansible.runner.events import CommandRuns, Event
from dxansible.runner.listener import Listener, Quiet
from dxansible.runner.mapping import RunState
from dxansible.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dxansible.runner.flow import Flow

__all__ = ["abort_command", "abort_commands", "follow_command", "follow_commands", "hosts_of"]


def follow_command(  # noqa: PLR0913 - all but the first two are options by name
    session_id: str,
    settings: Settings | None = None,
    *,
    listener: Listener | None = None,
    cancelled: threading.Event | None = None,
    wait: bool = True,
    flow: Flow | None = None,
) -> FanoutResult | None:
    """Follow a command from the first byte of its output to its end, and return what became of it.

    Returns None when ``cancelled`` is set before that; the command goes on. Without ``wait`` it
    only asks, for no output either, and returns None where the command has not ended. With
    ``flow``, which is told what the listener has passed on, the command waits for that. Raises
    UsageError for an id that can't belong to a host of the inventory.
    """
    found = follow_commands(
        [session_id], settings, wait=wait, listener=listener, cancelled=cancelled, flow=flow
    )
    return found[0] if found else None


def follow_commands(  # noqa: PLR0913 - all but the first two are options by name
    session_ids: Sequence[str],
    settings: Settings | None = None,
    *,
    wait: bool = True,
    listener: Listener | None = None,
    cancelled: threading.Event | None = None,
    flow: Flow | None = None,
) -> list[FanoutResult]:
    """As `follow_command`, of the sessions of one run on several hosts.

    Once ``cancelled`` is set, those that had no end yet have no result; nor have they without
    ``wait``.
    """
    chosen, gone = settings or Settings.load(), cancelled or threading.Event()
    state = RunState(_title(session_ids), listener or Quiet(), passes_on=flow is not None)
    hosts = hosts_of(session_ids, chosen)
    running: set[str] = set()

    def take(news: Event) -> None:
        state.take(news)
        if isinstance(news, CommandRuns):
            running.add(news.host)
        if not wait and running.union(state.results).issuperset(hosts):
            gone.set()

    _run("follow-command.yml", session_ids, hosts, chosen, take, gone, stream=wait, flow=flow)
    if gone.is_set():
        return [state.results[host] for host in hosts if host in state.results]
    outcome, reason = FanoutOutcome.FAILURE, Reason.LOST_CONTACT
    return [
        _result(host, session_id, state, outcome, reason)
        for host, session_id in zip(hosts, session_ids, strict=True)
    ]


def abort_command(session_id: str, settings: Settings | None = None) -> FanoutResult:
    """Stop a command and see that its processes are gone.

    One that had ended by itself keeps its outcome, and ``error`` says so.
    """
    return abort_commands([session_id], settings)[0]


def abort_commands(
    session_ids: Sequence[str], settings: Settings | None = None
) -> list[FanoutResult]:
    """As `abort_command`, of the sessions of one run on several hosts."""
    chosen = settings or Settings.load()
    state = RunState(_title(session_ids), Quiet())
    hosts = hosts_of(session_ids, chosen)
    _run("stop-command.yml", session_ids, hosts, chosen, state.take, threading.Event())
    return [
        _result(host, session_id, state, FanoutOutcome.ABORTED, Reason.ABORTED)
        for host, session_id in zip(hosts, session_ids, strict=True)
    ]


def hosts_of(session_ids: Sequence[str], settings: Settings) -> list[str]:
    """The host of each session of a command. Raises UsageError where the inventory has none."""
    known = [mapping.host for mapping in list_hosts(settings)]
    hosts = []
    for session_id in session_ids:
        run_of(session_id)
        found = [host for host in known if is_on(session_id, host)]
        if not found:
            message = f"{session_id} is on no host of this inventory"
            raise UsageError(message, "check the id, or give the inventory it was started with: -i")
        hosts.append(found[0])
    return hosts


def _title(session_ids: Sequence[str]) -> str:
    return session_ids[0] if len(session_ids) == 1 else run_of(session_ids[0])


def _run(  # noqa: PLR0913, PLR0917 - what a run needs
    playbook: str,
    session_ids: Sequence[str],
    hosts: Sequence[str],
    settings: Settings,
    take: Callable[[Event], None],
    cancelled: threading.Event,
    *,
    stream: bool = True,
    flow: Flow | None = None,
) -> None:
    run_play(
        settings,
        playbook,
        limit=",".join(hosts),
        variables={"dx_run_id": run_of(session_ids[0]), "dx_stream": stream},
        take=take,
        cancelled=cancelled,
        flow=flow,
    )


def _result(
    host: str, session_id: str, state: RunState, outcome: FanoutOutcome, reason: Reason
) -> FanoutResult:
    if host not in state.results:
        text = f"{host}: Ansible ended without a word about this host"
        state.close(host, outcome, reason, text, session_id)
    return state.results[host]
