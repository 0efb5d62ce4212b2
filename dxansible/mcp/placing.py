"""Finds the host for a task: one that has it already, under the caller's id, or a free one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.errors import SilentHostError, UsageError
from dxansible.ids import agent_run
from dxansible.redact import summarize
from dxansible.run.listing import list_sessions
from dxansible.run.patterns import ANY, check_pattern
from dxansible.run.preflight import choose_host

if TYPE_CHECKING:
    from dxansible.sessions import SessionOptions

__all__ = ["find_target"]


def find_target(target: str, chosen: SessionOptions, task: str) -> str:
    """Return the pattern to start on; of ``any:PATTERN`` the host that has it, or a free one."""
    pattern = target.removeprefix(ANY)
    check_pattern(pattern)
    one_of = pattern != target
    known = _host_of_run(pattern, chosen, task, one_of=one_of)
    if not one_of:
        return target
    if known is not None:
        return known
    choice = choose_host(pattern, chosen.settings, agent=chosen.agent)
    if choice.host is None:
        raise choice.problem
    return choice.host


def _host_of_run(pattern: str, chosen: SessionOptions, task: str, *, one_of: bool) -> str | None:
    """Return the host that has the task under the caller's id already; None without one.

    Raises UsageError if the id belongs to another task, and SilentHostError if only ``one_of`` the
    hosts may have it, and one that may be it does not answer.
    """
    if chosen.run_id is None:
        return None
    prefix = f"{agent_run(chosen.run_id)}-"
    found = list_sessions(pattern, chosen.settings, prefix=prefix, only="agents")
    for each in found.sessions:
        known, ours = each.first_task or each.task or "", summarize(task)
        if known and known != ours:
            message = f"{chosen.run_id} is the id of another task: {known}"
            raise UsageError(message, "choose another run_id; nothing was started")
    if found.sessions:
        return found.sessions[0].host
    if found.errors and one_of:
        message = f"{chosen.run_id} may be on a host that does not answer: " + "; ".join(
            found.errors.values()
        )
        raise SilentHostError(message, "name a host that answers as the target")
    return None
