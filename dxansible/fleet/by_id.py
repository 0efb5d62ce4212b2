"""Comes back to a command by its id alone, wherever it was started from."""

from __future__ import annotations

import threading

from dxansible.errors import UsageError
from dxansible.fleet.hosts import list_hosts
from dxansible.fleet.plays import run_play
from dxansible.ids import is_on, run_of
from dxansible.outcome import FanoutOutcome, FanoutResult, Reason
from dxansible.runner.mapping import Listener, Quiet, RunState
from dxansible.settings import Settings

__all__ = ["abort_command", "follow_command"]


def follow_command(
    session_id: str,
    settings: Settings | None = None,
    *,
    listener: Listener | None = None,
    cancelled: threading.Event | None = None,
) -> FanoutResult | None:
    """Follow a command from the first byte of its output to its end, and return what became of it.

    Returns None when ``cancelled`` is set before that; the command goes on. Raises UsageError for
    an id that can't belong to a host of the inventory.
    """
    gone = cancelled or threading.Event()
    state = RunState(session_id, listener or Quiet())
    host = _run("follow-command.yml", session_id, settings or Settings.load(), state, gone)
    if host not in state.results and gone.is_set():
        return None
    return _result(host, session_id, state, FanoutOutcome.FAILURE, Reason.LOST_CONTACT)


def abort_command(session_id: str, settings: Settings | None = None) -> FanoutResult:
    """Stop a command and see that its processes are gone.

    One that had ended by itself keeps its outcome, and ``error`` says so.
    """
    state = RunState(session_id, Quiet())
    host = _run(
        "stop-command.yml", session_id, settings or Settings.load(), state, threading.Event()
    )
    return _result(host, session_id, state, FanoutOutcome.ABORTED, Reason.ABORTED)


def _run(
    playbook: str,
    session_id: str,
    settings: Settings,
    state: RunState,
    cancelled: threading.Event,
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
        variables={"dx_run_id": run_id, "dx_stream": True},
        take=state.take,
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
