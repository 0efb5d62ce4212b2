"""Calls about agents' sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from dxansible.cli.audit import keep_trail
from dxansible.cli.events import telling_events
from dxansible.cli.noted import Noted
from dxansible.cli.output import watching
from dxansible.cli.terminal import DETACHED, Reader, cancel_on_signals, wants_line
from dxansible.record import FanoutOutcome, Reason
from dxansible.render import sessions as render
from dxansible.render.show import emit, show
from dxansible.results import exit_code
from dxansible.run.attach_sessions import abort_session, follow_session
from dxansible.run.start import follow_task
from dxansible.slack.turn_ends import telling_ends

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dxansible.cli.detach import FirstStates
    from dxansible.cli.issues import IssueClaim
    from dxansible.cli.table import Options
    from dxansible.results import TurnResult
    from dxansible.run.calls import TaskCall
    from dxansible.slack.trail import Trail

__all__ = [
    "abort",
    "follow",
    "follow_start",
    "report",
    "view_of",
]


_REFUSED = frozenset({
    Reason.CLAIM_FAILED, Reason.CLAIM_LOST, Reason.DIRECTORY_UNUSABLE, Reason.ISSUE_CLAIMED,
    Reason.REPO_UNUSABLE, Reason.SESSION_BUSY, Reason.UNKNOWN_SESSION,
})  # fmt: skip
"""With these reasons, the agent was not started."""


def follow_start(
    options: Options,
    call: TaskCall,
    trail: Trail | None,
    claim: IssueClaim | None,
    teller: FirstStates | None = None,
) -> int:
    """Show what becomes of a task, until the VMs have it or to its end.

    ``teller`` reports the first state of each host.
    """
    leave, call_id = call.cancelled.set, options.session or call.run_id
    with (
        keep_trail(trail, options, call.pattern, call.text) as audit,
        telling_events(options, call_id, leave) as events,
    ):
        audit.expect_turns(call.options.settings)
        with watching(options, leave, events, announce=not options.wait) as observers:
            told = [*observers, Noted(), *audit.observers]
            results = follow_task(call, told if teller is None else [*told, teller])
        if teller is not None:
            teller.end_all(results)
        if claim is not None:
            _note(claim, results)
        code = report(options, results, detached=call.cancelled.is_set())
        events.finish(results, code)
        audit.turns(results)
    return code


def _note(claim: IssueClaim, results: Sequence[TurnResult]) -> None:
    """Comment on the issue with the session or its result; release it if nothing has begun."""
    if not any(map(_has_begun, results)):
        claim.release()
    for each in results:
        claim.comment(render.comment(each))


def _has_begun(result: TurnResult) -> bool:
    if result.outcome is FanoutOutcome.ABORTED:
        return True  # also with unknown_session: an earlier attempt may have arrived
    return result.outcome is not FanoutOutcome.PREFLIGHT_FAILED and result.reason not in _REFUSED


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
    width = max((len(result.host) for result in results), default=0)
    for result in results:
        failed = result.outcome not in {FanoutOutcome.SUCCESS, None}
        told = not result.running or detached or options.wait or options.logs
        if told and wants_line(options, failed=failed):
            show(render.turn_line(result, width, timed=not options.logs), err=True)
    return code


def follow(options: Options) -> int:
    """``--logs`` of a session: its output so far, and with ``--follow`` its further output."""
    cancelled = cancel_on_signals(options, DETACHED, DETACHED)
    reader, name, settings = Reader(), options.logs or "", options.settings()
    leaves = reader.leaves(cancelled if options.follow else None)  # or else the end is near
    with telling_ends() as tellers, telling_events(options, name, leaves) as events:
        view = view_of(options)
        with watching(options, leaves, events, transcript=view == "transcript") as observers:
            result = follow_session(
                name,
                settings,
                view=view,
                wait=options.follow,
                observers=[*observers, *tellers],
                cancelled=cancelled,
                claim_ends=bool(tellers),
            )
        if reader.gone and cancelled.is_set():  # it may have ended while nobody looked
            result = follow_session(name, settings, tail=True, wait=False)
        code = report(options, [result], detached=cancelled.is_set())
        events.finish([result], code)
    return code


def view_of(options: Options) -> Literal["", "transcript", "raw"]:
    """Return what ``--logs`` shows; documents and events have all text of the agent."""
    if options.json or options.jsonl:
        return ""
    return "raw" if options.raw else "transcript"


def abort(options: Options) -> int:
    """``--abort`` of a session."""
    with telling_ends() as tellers:
        result = abort_session(
            options.abort or "", options.settings(), observers=tellers, claim_ends=bool(tellers)
        )
        code = 0 if result.stop_verified else FanoutOutcome.FAILURE.exit_code
        return report(options, [result], code=code)
