"""Calls about agents' sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.cli.audit import keep_trail
from dxansible.cli.terminal import DETACHED, SCREEN, Reader, cancel_on_signals
from dxansible.record import FanoutOutcome
from dxansible.render import sessions as render
from dxansible.render.live import LiveOutput
from dxansible.render.show import emit, show
from dxansible.results import exit_code
from dxansible.run.attach_sessions import abort_session, follow_session
from dxansible.run.start import follow_task
from dxansible.slack.turn_ends import telling_ends

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dxansible.cli.issues import IssueClaim
    from dxansible.cli.table import Options
    from dxansible.results import TurnResult
    from dxansible.run.task_call import TaskCall
    from dxansible.slack.trail import Trail

__all__ = [
    "abort",
    "follow",
    "follow_start",
    "report",
]


def follow_start(
    options: Options, call: TaskCall, trail: Trail | None, claim: IssueClaim | None
) -> int:
    """Show what becomes of a task, until the VMs have it or to its end."""
    live = _live(options, call.cancelled.set, announce=not options.wait)
    with keep_trail(trail, options, call.pattern, call.text) as audit:
        audit.expect_turns(call.options.settings)
        results = follow_task(call, [live, *audit.observers])
        if claim is not None:
            _note(claim, results)
        code = report(options, results, detached=call.cancelled.is_set())
        audit.turns(results)
    return code


def _note(claim: IssueClaim, results: Sequence[TurnResult]) -> None:
    """Comment on the issue with the session or its result; release it if nothing has begun."""
    if all(each.outcome is FanoutOutcome.PREFLIGHT_FAILED for each in results):
        claim.release()
    for each in results:
        claim.comment(render.comment(each))


def _live(options: Options, on_closed: Callable[[], None], *, announce: bool) -> LiveOutput:
    return LiveOutput(
        SCREEN,
        show=not options.json,
        on_closed=on_closed,
        announce=announce and not options.json,
        quiet=options.quiet,
    )


def report(
    options: Options,
    results: Sequence[TurnResult],
    *,
    detached: bool = False,
    code: int | None = None,
) -> int:
    """Show the results; ``code`` of None is computed from them."""
    if code is None:
        code = exit_code(results, detached=detached, may_be_cut=True)
    if options.json:
        emit(render.turns_document(results, code))
    elif not options.quiet:
        width = max(len(result.host) for result in results)
        for result in results:
            if not result.running or detached or options.wait or options.logs:
                show(render.turn_line(result, width), err=True)
    return code


def follow(options: Options) -> int:
    """``--logs`` of a session: its output so far, and with ``--follow`` its further output."""
    cancelled, reader = cancel_on_signals(DETACHED, DETACHED, json=options.json), Reader()
    name, settings = options.logs or "", options.settings()
    leaves = reader.leaves(cancelled if options.follow else None)  # or else the end is near
    with telling_ends() as tellers:
        result = follow_session(
            name,
            settings,
            wait=options.follow,
            observers=[_live(options, leaves, announce=False), *tellers],
            cancelled=cancelled,
            claim_ends=bool(tellers),
        )
        if reader.gone and cancelled.is_set():  # it may have ended while nobody looked
            result = follow_session(name, settings, tail=True, wait=False)
        return report(options, [result], detached=cancelled.is_set())


def abort(options: Options) -> int:
    """``--abort`` of a session."""
    with telling_ends() as tellers:
        result = abort_session(
            options.abort or "", options.settings(), observers=tellers, claim_ends=bool(tellers)
        )
        code = 0 if result.stop_verified else FanoutOutcome.FAILURE.exit_code
        return report(options, [result], code=code)
