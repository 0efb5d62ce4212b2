"""Shows what a command does while it runs, and its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.cli.audit import audited
from dxansible.cli.commands import interrupted, report
from dxansible.cli.events import telling_events
from dxansible.cli.output import Output
from dxansible.record import Reason
from dxansible.run.fanout import follow_call
from dxansible.run.history import Recorder
from dxansible.seen import Sighting, note_sessions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dxansible.cli.detach import FirstStates
    from dxansible.cli.rerun import Chosen
    from dxansible.cli.standard_input import StandardInput
    from dxansible.cli.table import Options
    from dxansible.results import FanoutResult
    from dxansible.run.calls import CommandCall
    from dxansible.run.events import Observer

__all__ = ["follow_execution", "follow_steps"]


def follow_execution(
    options: Options, call: CommandCall, source: StandardInput, teller: FirstStates | None = None
) -> int:
    """Show what a command does, and its end; the run is recorded.

    ``teller`` reports the first state of each host.
    """
    recorder = Recorder(call)

    def follow_it(observers: Sequence[Observer]) -> list[FanoutResult]:
        told = [*observers, recorder]
        results = follow_call(call, told if teller is None else [*told, teller])
        if teller is not None:
            teller.end_all(results)
        return results

    return _show(options, call, source, recorder, follow_it)


def follow_steps(
    options: Options, call: CommandCall, source: StandardInput, again: Chosen | None = None
) -> int:
    """Run a command batch by batch (``--serial``), or ``again``, and show the same.

    The hosts are known before anything begins: those of ``again``, or those of the call's pattern.
    Raises NoMatchError.
    """
    from dxansible.run.batches import Rollout, split  # noqa: PLC0415 - for such calls only
    from dxansible.run.hosts import match_hosts  # noqa: PLC0415 - as above

    hosts = match_hosts(call.pattern, call.options.settings) if again is None else again.hosts
    gone = [] if again is None else [*again.gone, *again.doubtful]
    parent = None if again is None else again.parent
    recorder = Recorder(call, parent=parent, serial=options.serial, max_fail=options.max_fail)
    recorder.leave([] if again is None else [each.host for each in again.doubtful])
    recorder.expect([*(each.host for each in gone), *hosts])

    def follow_it(observers: Sequence[Observer]) -> list[FanoutResult]:
        return Rollout(
            call=call,
            batches=split(hosts, options.serial),
            max_fail=options.max_fail,
            recorder=recorder,
            observers=observers,
            results=gone,
        ).follow()

    return _show(options, call, source, recorder, follow_it)


def _show(
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
        output = Output(options, call.cancelled, leave, call.flow, events)
        with output.showing() as observers:
            results = follow_it([*observers, *audit.observers])
            recorder.finish(results)
        source.warn()
        code = report(options, results, code=_passed_on(options, call, results))
        output.finish(results, code)
        audit.commands(results)
    return code


def _passed_on(options: Options, call: CommandCall, results: Sequence[FanoutResult]) -> int | None:
    """Return the exit code of an interrupt, or of a command that failed by itself if asked for."""
    (result, *_) = results
    by_itself = result.reason in {Reason.EXIT_NONZERO, Reason.SIGNALLED}
    if options.pass_exit_code and by_itself:
        return result.exit_code
    return interrupted(call.cancelled, results)
