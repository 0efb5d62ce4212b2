"""``--diff SES``: shows what a session has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.cli.commands import interrupted, report
from dxansible.cli.output import Output
from dxansible.cli.terminal import cancel_on_signals
from dxansible.parameters import TIMEOUT
from dxansible.record import FanoutOutcome
from dxansible.render.show import show, terminal_width
from dxansible.run.attach_sessions import resolve_session
from dxansible.run.diff import begin_diff, refuse_without_worktree
from dxansible.run.fanout import follow_call
from dxansible.run.flow import Flow
from dxansible.run.options import FanoutOptions
from dxansible.value import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dxansible.cli.table import Options
    from dxansible.results import FanoutResult

__all__ = ["show_diff"]

_STOPPING = "stopping"
_USUAL_WIDTH = 80


def show_diff(options: Options) -> int:
    """``--diff SES``."""
    settings = options.settings()
    session = resolve_session(options.diff or "", settings)
    width = (terminal_width() or _USUAL_WIDTH) if options.stat else None
    cancelled = cancel_on_signals(options, _STOPPING, "gave up")
    flow = Flow() if not options.json and options.max_output is None else None
    chosen = FanoutOptions(
        timeout_sec=TIMEOUT.given(options.timeout),
        max_retries=options.retries,
        output_limit=options.max_output,
        label=f"--diff {session}",
        settings=settings,
    )
    call = begin_diff(session, chosen, width, cancelled=cancelled, flow=flow)
    output = Output(options, cancelled, cancelled.set, flow)
    with output.showing() as observers:
        results = follow_call(call, observers)
    for result in results:
        refuse_without_worktree(session, result, settings)
    return _report(options, results, interrupted(cancelled, results))


def _report(options: Options, results: Sequence[FanoutResult], code: int | None) -> int:
    (result,) = results
    succeeded = result.outcome is FanoutOutcome.SUCCESS
    if succeeded and not (options.json or options.quiet or result.stdout_bytes):
        show("it has changed nothing", err=True)
    return report(replace(options, quiet=options.quiet or succeeded), results, code=code)
