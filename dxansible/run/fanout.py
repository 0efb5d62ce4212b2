"""Runs one command on every host of a pattern, in one playbook run.

Each host gets a result.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from dxansible import verdict
from dxansible.ids import session_on
from dxansible.logs import event
from dxansible.parameters import RETRIES, RETRY_DELAY, TIMEOUT
from dxansible.results import FanoutResult
from dxansible.run.awaiting import listing_waits
from dxansible.run.calls import CommandCall
from dxansible.run.event_log import EventLog
from dxansible.run.gather import ResultCollector
from dxansible.run.hosts import explain_unknown_name, hosts_of_killed
from dxansible.run.options import FanoutOptions
from dxansible.run.stops import end_stop, stop_unfinished

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from dxansible.run.events import Observer
    from dxansible.run.flow import Flow
    from dxansible.run.host_moves import HostMoves

__all__ = ["fanout", "fanout_ssh", "follow_call", "unknown_host"]


def fanout_ssh(  # noqa: PLR0913, PLR0917 - the specification's signature
    host: str,
    command: str,
    timeout_sec: float = TIMEOUT.default,
    max_retries: int = RETRIES.default,
    retry_delay_sec: float = RETRY_DELAY.default,
    preflight: bool = True,  # noqa: FBT001, FBT002 - the specification's signature
    batch_mode: bool = True,  # noqa: FBT001, FBT002 - the specification's signature
    log_callback: Callable[[str], None] | None = None,
) -> FanoutResult:
    """Run a shell command on one host and return the result, whatever the outcome.

    ``host`` is a name or an alias of the inventory; an unknown one gives PREFLIGHT_FAILED. Times
    are in seconds. Raises DxError for a broken tool (no inventory, no Ansible, an empty command),
    never for a failure on a VM.
    """
    options = FanoutOptions(
        timeout_sec=timeout_sec,
        max_retries=max_retries,
        retry_delay_sec=retry_delay_sec,
        preflight=preflight,
        batch_mode=batch_mode,
        log_callback=log_callback,
    )
    results = fanout(host, command, options)
    if len(results) != 1:
        names = ", ".join(result.host for result in results[:5])
        text = f"{host} is {len(results)} hosts ({names}); call fanout for more than one"
        return _not_run(host, results[0].command_summary if results else "", text)
    return results[0]


def fanout(  # noqa: PLR0913 - all but the first three are options by name
    pattern: str,
    command: str | bytes,
    options: FanoutOptions | None = None,
    *,
    observers: Sequence[Observer] = (),
    cancelled: threading.Event | None = None,
    flow: Flow | None = None,
) -> list[FanoutResult]:
    """Run a command on every host of an Ansible pattern; results are in the inventory's order.

    Setting ``cancelled`` (from a signal handler, say) stops the command everywhere and returns
    ABORTED results; a host that does not answer the stop is a FAILURE, LOST_CONTACT. A
    KeyboardInterrupt stops it too, and is then raised again. Each of ``observers`` gets every
    event. With ``flow`` the command waits for its reader, and no output is lost: an observer
    reports to ``flow`` how much it has passed on. Raises NoMatchError if a pattern matches
    nothing; a plain name that is not in the inventory gives one PREFLIGHT_FAILED result instead.
    """
    call = CommandCall(pattern, command, options, cancelled=cancelled, flow=flow)
    return follow_call(call, observers)


def follow_call(
    call: CommandCall, observers: Sequence[Observer] = (), moves: HostMoves | None = None
) -> list[FanoutResult]:
    """Do the same as `fanout` for a command whose run may have begun already.

    ``moves`` is as for `ResultCollector`.
    """
    log = EventLog(command=call.summary, log=call.options.log_callback)
    with listing_waits(call) as waits:
        return _follow(call, [log, *waits, *observers], moves)


def _follow(
    call: CommandCall, observers: Sequence[Observer], moves: HostMoves | None
) -> list[FanoutResult]:
    options, whole = call.options, call.flow is not None
    collector = ResultCollector(
        FanoutResult, observers, command=call.summary, passes_on=whole, moves=moves,
        machine=options.settings.machine,
    )  # fmt: skip
    # if Ansible is killed, the next run attaches to the same ids
    again = collector.again(
        call.pattern,
        max_retries=options.max_retries,
        retry_delay_sec=options.retry_delay_sec,
    )
    try:
        end = call.begin().follow(collector.handle, again)
    except KeyboardInterrupt:
        stop_unfinished(call, collector)
        raise
    call.check_number(collector.too_many)
    if call.cancelled.is_set():
        end = stop_unfinished(call, collector) or end
    if not collector.known and not end.killed:
        error = explain_unknown_name(call.pattern, options.settings, end)
        return [unknown_host(call.pattern, call.summary, error, options.log_callback)]
    hosts = collector.unfinished()
    if end.killed and not collector.hosts:
        hosts = hosts_of_killed(call.pattern, options.settings, call.run_id)
    for host in hosts:
        collector.expect(host, session_on(call.run_id, host))
    if call.cancelled.is_set():
        end_stop(collector, end, partial(session_on, call.run_id))
    collector.end_silent(end)
    return collector.ordered()


def unknown_host(
    host: str, summary: str, error: str, log: Callable[[str], None] | None = None
) -> FanoutResult:
    """Return the result for a name that the inventory does not have, and log it."""
    result = _not_run(host, summary, error)
    line = event(
        "preflight_failed", logging.ERROR, host=host, status=str(result.reason), error=error
    )
    if log is not None:
        log(line)
    return result


def _not_run(host: str, summary: str, error: str) -> FanoutResult:
    decided = verdict.not_in_inventory(error)
    return verdict.as_end(FanoutResult, decided, host=host, command_summary=summary)
