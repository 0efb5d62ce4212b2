"""Hands a task to the coding agents of a fleet: new sessions, or a further turn of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible import verdict
from dxansible.ids import session_on
from dxansible.record import Reason
from dxansible.results import TurnResult
from dxansible.run.attach_sessions import unknown_session
from dxansible.run.awaiting import end_unsent, listing_waits
from dxansible.run.calls import TaskCall
from dxansible.run.event_log import EventLog
from dxansible.run.gather import ResultCollector
from dxansible.run.hosts import explain_unknown_name, hosts_of_killed

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from dxansible.record import Verdict
    from dxansible.run.events import Observer
    from dxansible.run.options import SessionOptions

__all__ = ["follow_task", "start_session"]


def start_session(  # noqa: PLR0913 - all but the first three are options by name
    pattern: str,
    task: str | bytes,
    options: SessionOptions | None = None,
    *,
    observers: Sequence[Observer] = (),
    cancelled: threading.Event | None = None,
    claim_ends: bool = False,
) -> list[TurnResult]:
    """Start a session with the task on every host of an Ansible pattern, or continue one.

    Returns once the VMs have the task, with results that are still running; with ``wait``, once the
    turns have ended. Setting ``cancelled`` only stops looking: a VM that has the task works on.
    Each of ``observers`` gets every event. With ``claim_ends`` this call claims the ends of turns
    that it sees for their audit trails, and the observers have to post them. Raises NoMatchError if
    a pattern matches nothing; a plain name that is not in the inventory gives one PREFLIGHT_FAILED
    result instead. Raises UnknownSessionError for a session to continue that its VM doesn't know.
    """
    call = TaskCall(pattern, task, options, cancelled=cancelled, claim_ends=claim_ends)
    return follow_task(call, observers)


def follow_task(call: TaskCall, observers: Sequence[Observer] = ()) -> list[TurnResult]:
    """Do the same as `start_session` for a task whose run may have begun already."""
    with listing_waits(call) as waits:
        return _follow(call, [EventLog(), *waits, *observers])


def _follow(call: TaskCall, observers: Sequence[Observer]) -> list[TurnResult]:
    pattern, chosen = call.pattern, call.options
    collector = ResultCollector(
        TurnResult, observers, command=call.summary, session=chosen.session,
        machine=chosen.settings.machine,
    )  # fmt: skip
    again = collector.again(
        pattern, max_retries=chosen.max_retries, retry_delay_sec=chosen.retry_delay_sec
    )
    end = call.begin().follow(collector.handle, again)
    if call.cancelled.is_set():
        end_unsent(call, collector)
        collector.detach()
    if not collector.known:
        if call.cancelled.is_set():
            what = "interrupted before any VM had confirmed that it has the task"
            error = f"{pattern}: {what}; see: dx-dispatch --sessions"
            return [_not_begun(call, verdict.aborted(error))]
        if not end.killed:
            error = explain_unknown_name(pattern, chosen.settings, end)
            return [_not_begun(call, verdict.not_in_inventory(error))]
        for host in hosts_of_killed(pattern, chosen.settings, call.run_id):
            collector.expect(host, session_on(call.run_id, host))
    collector.end_silent(end)
    results = collector.ordered()
    for result in results:
        if chosen.session is not None and result.reason is Reason.UNKNOWN_SESSION:
            raise unknown_session(chosen.session, result.host, chosen.settings)
    return results


def _not_begun(call: TaskCall, decided: Verdict) -> TurnResult:
    session = call.options.session or ""
    return verdict.as_end(TurnResult, decided, host=call.pattern, session_id=session)
