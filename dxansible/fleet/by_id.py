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
from dxansible.runner.mapping import Listener, Quiet, RunState
from dxansible.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["abort_command", "follow_command"]


def follow_command(
    session_id: str,
    settings: Settings | None = None,
    *,
    listener: Listener | None = None,
    cancelled: threading.Event | None = None,
    wait: bool = True,
) -> FanoutResult | None:
    """Follow a command from the first byte of its output to its end, and return what became of it.

    Returns None when ``cancelled`` is set before that; the command goes on. Without ``wait`` it
    only asks, for no output either, and returns None where the command has not ended. Raises
    UsageError for an id that can't belong to a host of the inventory.
    """
    gone = cancelled or threading.Event()
    state = RunState(session_id, listener or Quiet())

    def take(news: Event) -> None:
        state.take(news)
        if isinstance(news, CommandRuns) and not wait:
            gone.set()

    found = settings or Settings.load()
    host = _run("follow-command.yml", session_id, found, take, gone, stream=wait)
    if host not in state.results and gone.is_set():
        return None
    return _result(host, session_id, state, FanoutOutcome.FAILURE, Reason.LOST_CONTACT)


def abort_command(session_id: str, settings: Settings | None = None) -> FanoutResult:
    """Stop a command and see that its processes are gone.

    One that had ended by itself keeps its outcome, and ``error`` says so.
    """
    state = RunState(session_id, Quiet())
    found = settings or Settings.load()
    host = _run("stop-command.yml", session_id, found, state.take, threading.Event())
    return _result(host, session_id, state, FanoutOutcome.ABORTED, Reason.ABORTED)


def _run(  # noqa: PLR0913 - all but the first five are options by name
    playbook: str,
    session_id: str,
    settings: Settings,
    take: Callable[[Event], None],
    cancelled: threading.Event,
    *,
    stream: bool = True,
) -> str:
    run_id = run_of(session_id)
    hosts = [mapping.host for mapping in list_hosts(settings) if is_on(session_id, mapping.host)]
    if not hosts:
        message = f"{session_id} is on no host of this inventory"
        raise UsageError(message, "check the id, or give the inventory it was started with: -i")
    run_play(
        settings,
        playbook,
        limit=hosts[0],
        variables={"dx_run_id": run_id, "dx_stream": stream},
        take=take,
        cancelled=cancelled,
    )
    return hosts[0]


def _result(
    host: str, session_id: str, state: RunState, outcome: FanoutOutcome, reason: Reason
) -> FanoutResult:
    if host not in state.results:
        text = f"{host}: Ansible ended without a word about this host"
        state.close(host, outcome, reason, text, session_id)
    return state.results[host]
