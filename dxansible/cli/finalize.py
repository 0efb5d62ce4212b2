"""``--finalize-pr``: opens the pull request of a session's branch."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from dxansible.cli.audit import audited
from dxansible.cli.output import watching
from dxansible.cli.pull_request_text import close_issue, write_text
from dxansible.cli.terminal import cancel_on_signals, wants_line
from dxansible.github.opening import open_from_here
from dxansible.logs import event
from dxansible.parameters import FINALIZE_TIMEOUT
from dxansible.record import FanoutOutcome
from dxansible.render import sessions as render
from dxansible.render.show import emit, show
from dxansible.run.finalize import FinalizeOptions, finalize_session
from dxansible.services import GitHubSettings

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from dxansible.cli.table import Options
    from dxansible.results import TurnResult
    from dxansible.run.events import Observer
    from dxansible.settings import Settings

__all__ = ["exit_code_of", "finalize", "finalize_options", "open_request"]

_DETACHED = "stopped following; the work continues on the VM; finalize again later"


def finalize(options: Options, find: Callable[[str, Settings], str]) -> int:
    """``--finalize-pr SES``; ``find`` asks VMs for the session's id, once the options are good."""
    github, chosen = GitHubSettings.load(), finalize_options(options)
    session = find(options.finalize_pr or "", chosen.settings)
    cancelled = cancel_on_signals(options, _DETACHED, _DETACHED)
    watched = watching(options, cancelled.set)
    result = open_request(
        options, session, chosen, github, watched, cancelled,
        report=lambda result: _report(options, result),
    )  # fmt: skip
    return exit_code_of(result)


def finalize_options(options: Options) -> FinalizeOptions:
    """Return the options of the pull request. Raises UsageError."""
    return FinalizeOptions(
        beads=options.beads,
        base=options.base,
        fork=options.fork,
        draft=options.draft,
        labels=options.label,
        reviewers=tuple(name.removeprefix("@") for name in options.reviewer),
        queue=options.queue,
        timeout_sec=FINALIZE_TIMEOUT.given(options.timeout),
        max_retries=options.retries,
        settings=options.settings(),
    )


def open_request(  # noqa: PLR0913, PLR0917 - what a pull request needs
    options: Options,
    session: str,
    chosen: FinalizeOptions,
    github: GitHubSettings,
    watched: AbstractContextManager[Sequence[Observer]],
    cancelled: threading.Event,
    *,
    report: Callable[[TurnResult], None],
) -> TurnResult:
    """Push the session's branch from its VM, and open the pull request there or from here.

    ``watched`` gives the observers of the run. ``report`` gets the result before Slack does.
    """
    text = write_text(session, chosen.settings, chosen.beads, close=options.close)
    chosen = chosen.with_body(text.body)
    with audited(options, session, text.title) as audit:
        with watched as observers:
            result = finalize_session(
                session, text.message, chosen,
                observers=[*observers, *audit.observers], cancelled=cancelled,
            )  # fmt: skip
        if result.outcome is FanoutOutcome.SUCCESS:
            result = open_from_here(result, text.title, chosen, github, cancelled)
        if options.close and text.issue and result.outcome is FanoutOutcome.SUCCESS:
            result = close_issue(result, text.issue)
        _log_end(result)
        report(result)
        audit.finalized(result)
    return result


def exit_code_of(result: TurnResult) -> int:
    """Return the exit code; a turn that goes on without this call counts as ABORTED."""
    return (result.outcome or FanoutOutcome.ABORTED).exit_code


def _log_end(result: TurnResult) -> None:
    if result.outcome is None:
        return
    good = result.outcome is FanoutOutcome.SUCCESS
    event(
        result.outcome.lower(), logging.INFO if good else logging.ERROR, host=result.host,
        session=result.session_id, turn=result.turn, duration_ms=result.duration_ms,
        reason=None if good else str(result.reason),
        pull_request=result.push.url if result.push else None,
    )  # fmt: skip


def _report(options: Options, result: TurnResult) -> None:
    """Show the result."""
    if options.json:
        emit(render.finalize_document(result, exit_code_of(result)))
    elif result.push and result.push.url:
        show(result.push.url)
    if wants_line(options, failed=exit_code_of(result) != 0):
        show(render.finalize_line(result), err=True)
