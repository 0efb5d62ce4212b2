"""Asks the VMs how a recorded run ended where its caller did not see the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.errors import UsageError
from dxansible.ids import session_on
from dxansible.record import Reason
from dxansible.run.attach_commands import follow_commands
from dxansible.run.history import HostEnd

if TYPE_CHECKING:
    from collections.abc import Collection

    from dxansible.run.history import History
    from dxansible.run.rerun import Chain
    from dxansible.settings import Settings

__all__ = ["recall"]

_SAID_BY_THE_VM = frozenset(
    {
        Reason.OK,
        Reason.EXIT_NONZERO,
        Reason.SIGNALLED,
        Reason.LOST,
        Reason.DEADLINE,
        Reason.ABORTED,
        Reason.NOT_STARTED,
    }
)
"""Other reasons are about this question, not about the command."""


def recall(chain: Chain, history: History, settings: Settings, known: Collection[str]) -> Chain:
    """Return the chain with the ends that the VMs know, which are written down.

    Only hosts in ``known``, those of the inventory, are asked; one that does not answer stays as it
    is. Raises UsageError if the command is still running somewhere: it would run there twice.
    """
    by_run: dict[str, list[str]] = {}
    for host, run_id in chain.unclear.items():
        if host in known:
            by_run.setdefault(run_id, []).append(host)
    ends: dict[str, HostEnd] = {}
    running = []
    for run_id, hosts in by_run.items():
        ids = [session_on(run_id, host) for host in hosts]
        results = follow_commands(ids, settings, wait=False)
        answered = {result.host: result for result in results}
        silent = [host for host in hosts if host not in answered]
        running += [session_on(run_id, host) for host in silent]
        for host, result in answered.items():
            if result.reason in _SAID_BY_THE_VM:
                ends[host] = HostEnd(outcome=result.outcome, reason=str(result.reason))
    chain = chain.learn(ends, history)
    if running:
        message = f"the command is still running under {', '.join(running)}"
        remedy = "wait for it with --logs ID, or stop it with --abort ID"
        raise UsageError(message, remedy)
    return chain
