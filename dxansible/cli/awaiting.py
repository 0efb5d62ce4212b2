"""Stops calls that wait for hosts, and says of what they wait for that it has not begun."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.errors import EngineError, SilentHostError, UsageError
from dxansible.record import Reason, read
from dxansible.render.tables import duration
from dxansible.results import FanoutResult, TurnResult
from dxansible.run.awaiting import waiting_calls, waiting_sessions
from dxansible.run.history import HostEnd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from dxansible.run.awaiting import WaitingCall
    from dxansible.settings import Settings

__all__ = ["begun", "stop_waiting"]


def stop_waiting(typed: str) -> tuple[list[FanoutResult], list[TurnResult], int] | None:
    """Stop the calls that wait to start what ``typed`` names; a repeated call is another one.

    Returns the results of their hosts, of a command or of turns, and the exit code; None if no
    call does. Raises UsageError if ``typed`` names only a part of a call.
    """
    calls = _find(typed)
    stopped = [(call, call.stop()) for call in calls]
    for call, found in stopped:
        if found is call:
            raise EngineError(f"the call of {call.run_id} does not end", "stop it with Ctrl-C")
    ends = _of_hosts([end for _, found in stopped if found is not None for end in found.ends])
    if not ends:
        return None  # the VMs know how it ended
    call = calls[0]
    code = 0 if all(map(_is_gone, ends)) else 1
    if call.kind == "command":
        results = [read(FanoutResult, each, command_summary=call.summary) for each in ends]
        return results, [], code
    turns = [read(TurnResult, each, task_summary=call.summary) for each in ends]
    return [], turns, code


def begun(session_ids: Sequence[str], settings: Settings) -> tuple[str, ...]:
    """Return the sessions that no call of this machine still waits to start.

    Raises SilentHostError if there are none.
    """
    awaited = {each.session_id: each for each in waiting_sessions(settings)}
    left = tuple(each for each in session_ids if each not in awaited)
    if left:
        return left
    first = awaited[session_ids[0]]
    message = f"{first.session_id} has not begun: {first.host} can't be reached"
    remedy = f"a call waits for it, and gives up in {duration(first.gives_up_s)}; stop that"
    raise SilentHostError(message, f"{remedy}: dx-dispatch --abort {session_ids[0]}")


def _find(typed: str) -> list[WaitingCall]:
    """Return the calls of a run or session, of whose id ``typed`` may be the beginning."""
    calls = waiting_calls()
    whole = [call for call in calls if call.run_id == typed]
    found = whole or [call for call in calls if call.run_id.startswith(typed)]
    if not found:
        found = [
            call for call in calls if any(each.session_id.startswith(typed) for each in call.hosts)
        ]
        for call in found:
            if len(call.hosts) + call.others > 1:
                message = f"one call waits for {len(call.hosts)} host(s) of {call.run_id}"
                remedy = f"stop the whole: dx-dispatch --abort {call.run_id}"
                raise UsageError(message, remedy)
    if len({call.run_id for call in found}) > 1:
        names = ", ".join(sorted(call.run_id for call in found))
        raise UsageError(f"{len(found)} ids begin with {typed}", f"give one of them: {names}")
    return found


def _of_hosts(ends: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return one end for each host: that of a call that has started something, if one has."""
    begun = [each for each in ends if each["reason"] != Reason.NOT_STARTED]
    return [*{each["host"]: each for each in (*ends, *begun)}.values()]


def _is_gone(end: Mapping[str, Any]) -> bool:
    """Whether nothing runs on a host after the stop, or never has."""
    return read(HostEnd, end).known
