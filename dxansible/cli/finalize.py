"""``--finalize-pr``: opens the pull request of a session's branch."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from dxansible.cli.audit import audited
from dxansible.cli.issues import finalize_message
from dxansible.cli.terminal import cancel_on_signals, wants_line
from dxansible.cli.watching import watching
from dxansible.github.opening import open_from_here
from dxansible.logs import event
from dxansible.parameters import FINALIZE_TIMEOUT
from dxansible.record import FanoutOutcome
from dxansible.render import sessions as render
from dxansible.render.show import emit, show
from dxansible.run.finalize import FinalizeOptions, finalize_session
from dxansible.services import GitHubSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from dxansible.cli.table import Options
    from dxansible.results import TurnResult
    from dxansible.settings import Settings

__all__ = ["finalize"]

_DETACHED = "stopped following; the work continues on the VM; finalize again later"


def finalize(options: Options, find: Callable[[str, Settings], str]) -> int:
    """``--finalize-pr SES``; ``find`` asks VMs for the session's id, once the options are good."""
    github = GitHubSettings.load()
    chosen = FinalizeOptions(
        beads=options.beads,
        base=options.base,
        draft=options.draft,
        reviewers=tuple(name.removeprefix("@") for name in options.reviewer),
        queue=options.queue,
        timeout_sec=FINALIZE_TIMEOUT.given(options.timeout),
        max_retries=options.retries,
        settings=options.settings(),
    )
    session = find(options.finalize_pr or "", chosen.settings)
    message = finalize_message(session, chosen.settings, options.beads)
    cancelled = cancel_on_signals(_DETACHED, _DETACHED, json=options.json)
    with audited(options, session, message.partition("\n")[0]) as audit:
        with watching(options, cancelled.set) as observers:
            result = finalize_session(
                session, message, chosen,
                observers=[*observers, *audit.observers], cancelled=cancelled,
            )  # fmt: skip
        if result.outcome is FanoutOutcome.SUCCESS:
            result = open_from_here(
                result, message, github, cancelled,
                base=chosen.base, draft=chosen.draft, reviewers=chosen.reviewers,
            )  # fmt: skip
        code = _report(options, result)
        audit.finalized(result)
    return code


def _report(options: Options, result: TurnResult) -> int:
    """Show the result, log its end, and return the exit code."""
    ended = result.outcome or FanoutOutcome.ABORTED  # the turn goes on without this call
    push = result.push
    if result.outcome is not None:
        good = result.outcome is FanoutOutcome.SUCCESS
        event(
            result.outcome.lower(), logging.INFO if good else logging.ERROR, host=result.host,
            session=result.session_id, turn=result.turn, duration_ms=result.duration_ms,
            reason=None if good else str(result.reason),
            pull_request=push.url if push else None,
        )  # fmt: skip
    if options.json:
        emit(render.finalize_document(result, ended.exit_code))
    elif push and push.url:
        show(push.url)
    if wants_line(options, failed=ended is not FanoutOutcome.SUCCESS):
        show(render.finalize_line(result), err=True)
    return ended.exit_code
