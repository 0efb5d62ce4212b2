"""Shows what a command does while it runs, and its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.cli.audit import audited
from dxansible.cli.commands import report
from dxansible.cli.events import telling_events
from dxansible.cli.output import Output
from dxansible.record import Reason
from dxansible.run.fanout import follow_call
from dxansible.run.history import Recorder
from dxansible.seen import Sighting, note_sessions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dxansible.cli.standard_input import StandardInput
    from dxansible.cli.table import Options
    from dxansible.results import FanoutResult
    from dxansible.run.calls import CommandCall
    from dxansible.run.events import Observer

__all__ = ["follow_execution", "show_execution"]


def follow_execution(options: Options, call: CommandCall, source: StandardInput) -> int:
    """Show what a command does, and its end; the run is recorded."""
    recorder = Recorder(call)

    def follow_it(observers: Sequence[Observer]) -> list[FanoutResult]:
        return follow_call(call, [*observers, recorder])

    return show_execution(options, call, source, recorder, follow_it)


def show_execution(
    options: Options,
    call: CommandCall,
    source: StandardInput,
    recorder: Recorder,
    follow_it: Callable[[Sequence[Observer]], list[FanoutResult]],
) -> int:
    """Show what ``follow_it`` reports of a command to its observers, and then its results."""
    note_sessions([Sighting(id=call.run_id, kind="command", host=call.pattern)])
    leave = call.cancelled.set
    with (
        audited(options, call.pattern, call.text) as audit,
        telling_events(options, call.run_id, leave) as events,
    ):
        audit.expect_command(call.run_id)
        output = Output(options, call.cancelled, leave, call.flow, lines=events.lines)
        with output.showing() as observers:
            results = follow_it([*observers, *audit.observers, *events.observers])
            recorder.finish(results)
        source.warn()
        code = report(options, results, code=_passed_on(options, results))
        output.finish(results, code)
        events.note(results, code)
        audit.commands(results)
    return code


def _passed_on(options: Options, results: Sequence[FanoutResult]) -> int | None:
    """Return the exit code of a command that failed by itself, if it was asked for."""
    (result, *_) = results
    by_itself = result.reason in {Reason.EXIT_NONZERO, Reason.SIGNALLED}
    return result.exit_code if options.pass_exit_code and by_itself else None
