"""Shows what a command does; follows and stops it by its id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.cli.audit import audited
from dxansible.cli.terminal import SCREEN, Reader, cancel_on_signals, gave_up_waiting
from dxansible.record import FanoutOutcome
from dxansible.render import commands as render
from dxansible.render.live import LiveOutput
from dxansible.render.paced import PacedOutput
from dxansible.render.show import emit, show
from dxansible.results import exit_code
from dxansible.run.attach_commands import abort_commands, follow_commands
from dxansible.run.fanout import follow_call
from dxansible.run.flow import Flow
from dxansible.run.recorder import Recorder

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from dxansible.cli.standard_input import StandardInput
    from dxansible.cli.table import Options
    from dxansible.results import FanoutResult
    from dxansible.run.command_call import CommandCall
    from dxansible.run.events import Observer

__all__ = ["abort", "follow", "follow_execution", "report", "show_execution"]


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
    show_it = not (options.json or options.gather)
    output = _Output(call.cancelled, call.cancelled.set, call.flow, show=show_it)
    with audited(options, call.pattern, call.text) as audit:
        audit.expect_command(call.run_id)
        results = follow_it([output.live, *audit.observers])
        recorder.finish(results)
        output.drain()
        source.warn()
        code = report(options, results)
        audit.commands(results)
    return code


class _Output:
    """Destination of output; with ``flow`` the command waits for its reader, and loses nothing."""

    def __init__(
        self,
        cancelled: threading.Event,
        on_closed: Callable[[], None],
        flow: Flow | None,
        *,
        show: bool,
    ) -> None:
        self._cancelled, self._flow = cancelled, flow
        self.live: Observer = LiveOutput(SCREEN, show=show, on_closed=on_closed)
        if flow is not None:
            self._paced = PacedOutput(self.live, flow, SCREEN, cancelled.set)
            self.live = self._paced

    def drain(self) -> None:
        """Wait for the reader."""
        if self._flow is not None:
            self._paced.drain(self._cancelled)


def report(options: Options, results: Sequence[FanoutResult], *, code: int | None = None) -> int:
    """Show the results; ``code`` of None is computed from them."""
    if code is None:
        code = exit_code(results, may_be_cut=options.max_output is not None)
    if options.json:
        for piece in render.fanout_document(results, code):
            emit(piece)
    elif options.gather:
        for chunk in render.gathered(results):
            emit(chunk)
    if not options.quiet and not options.json:
        width = max(len(result.host) for result in results)
        for result in results:
            show(render.summary_line(result, width), err=True)
    return code


def follow(options: Options, session_ids: Sequence[str]) -> int:
    """``--logs`` of the commands of one run."""
    notice = "no longer watching; the command goes on"
    gave_up = gave_up_waiting(options.logs or "")
    cancelled, reader = cancel_on_signals(notice, gave_up, json=options.json), Reader()
    flow = None if options.json else Flow()
    output = _Output(cancelled, reader.leaves(cancelled), flow, show=flow is not None)
    settings = options.settings()
    results = follow_commands(
        session_ids, settings, observers=[output.live], cancelled=cancelled, flow=flow
    )
    output.drain()
    if len(results) < len(session_ids) and reader.gone:
        results = follow_commands(session_ids, settings, wait=False)
    code = report(options, results) if results else 0
    return FanoutOutcome.ABORTED.exit_code if len(results) < len(session_ids) else code


def abort(options: Options, session_ids: Sequence[str]) -> int:
    """``--abort`` of the commands of one run."""
    results = abort_commands(session_ids, options.settings())
    gone = all(result.stop_verified for result in results)
    return report(options, results, code=0 if gone else FanoutOutcome.FAILURE.exit_code)
