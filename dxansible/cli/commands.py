"""Shows the results of commands; follows and stops a command by its id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.cli.events import telling_events
from dxansible.cli.output import Output, show_gathered
from dxansible.cli.terminal import (
    INTERRUPTED,
    Reader,
    cancel_on_signals,
    gave_up_waiting,
    wants_line,
)
from dxansible.ids import run_of
from dxansible.record import FanoutOutcome, Reason
from dxansible.render import commands as render
from dxansible.render.show import emit, show
from dxansible.results import exit_code
from dxansible.run.attach_commands import abort_commands, follow_commands
from dxansible.run.flow import Flow

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from dxansible.cli.table import Options
    from dxansible.results import FanoutResult

__all__ = ["abort", "follow", "interrupted", "report"]


def report(options: Options, results: Sequence[FanoutResult], *, code: int | None = None) -> int:
    """Show the results; ``code`` of None is computed from them."""
    if code is None:
        code = exit_code(results, may_be_cut=options.max_output is not None)
    if options.json:
        for piece in render.fanout_document(results, code):
            emit(piece)
    elif options.gather:
        show_gathered(options, results)
    width = max((len(result.host) for result in results), default=0)
    for result in results:
        if wants_line(options, failed=result.outcome not in {FanoutOutcome.SUCCESS, None}):
            show(render.summary_line(result, width), err=True)
    return code


def interrupted(cancelled: threading.Event, results: Sequence[FanoutResult]) -> int | None:
    """Return 130 after a Ctrl-C that stopped a host, or that one has not answered; else None."""
    stopped = any(
        result.reason is Reason.LOST_CONTACT or result.outcome is FanoutOutcome.ABORTED
        for result in results
    )
    return INTERRUPTED if stopped and cancelled.is_set() else None


def follow(options: Options, session_ids: Sequence[str]) -> int:
    """``--logs`` of the commands of one run."""
    notice = "stopped following; the command continues on the VM"
    cancelled = cancel_on_signals(options, notice, gave_up_waiting(options.logs or ""))
    reader, flow = Reader(), None if options.json else Flow()
    leave, settings = reader.leaves(cancelled), options.settings()
    with telling_events(options, run_of(session_ids[0]), leave) as events:
        output = Output(options, cancelled, leave, flow, events)
        with output.showing() as observers:
            results = follow_commands(
                session_ids, settings, observers=observers, cancelled=cancelled, flow=flow
            )
        if len(results) < len(session_ids) and reader.gone:
            results = follow_commands(session_ids, settings, wait=False)
        unfinished = len(results) < len(session_ids)
        code = report(options, results, code=INTERRUPTED if unfinished else None)
        output.finish(results, code)
    return code


def abort(options: Options, session_ids: Sequence[str]) -> int:
    """``--abort`` of the commands of one run."""
    results = abort_commands(session_ids, options.settings())
    gone = all(result.stop_verified for result in results)
    return report(options, results, code=0 if gone else FanoutOutcome.FAILURE.exit_code)
