"""Calls about sessions of Jules."""

from __future__ import annotations

import logging
import sys
from dataclasses import asdict, replace
from functools import wraps
from typing import TYPE_CHECKING

from dxansible.cli.jules_follower import follower_of
from dxansible.cli.terminal import SCREEN, wants_line
from dxansible.errors import ServiceError
from dxansible.jules.model import JulesResult
from dxansible.logs import event
from dxansible.record import FanoutOutcome, Reason
from dxansible.render import jules as render
from dxansible.render.documents import document
from dxansible.render.patch import painted_patch
from dxansible.render.sessions import turns_document
from dxansible.render.show import emit, show, terminal_width
from dxansible.seen import Sighting, note_sessions

if TYPE_CHECKING:
    from collections.abc import Callable

    from dxansible.cli.table import Options
    from dxansible.jules.client import JulesClient
    from dxansible.jules.model import Session

__all__ = [
    "abort",
    "approve",
    "delete",
    "follow",
    "report",
    "send",
    "show_patch",
    "show_sessions",
    "show_status",
    "unarchive",
]


def _reporting(call: Callable[[Options], int]) -> Callable[[Options], int]:
    """Make a call report what Jules refuses as its result."""

    @wraps(call)
    def reported(options: Options) -> int:
        try:
            return call(options)
        except ServiceError as error:
            result = JulesResult.failure(error.reason, str(error))
            stopped = None if options.abort is None else False
            return report(options, replace(result, stop_verified=stopped))

    return reported


@_reporting
def send(options: Options) -> int:
    """``--session ID TEXT``."""
    session_id = options.session or ""
    given = options.text(options.task, "message", f'dx-dispatch --session {session_id} "TEXT"')
    text = given if isinstance(given, str) else given.decode(errors="replace")
    return _act(options, session_id, "sent to", lambda jules: jules.send_message(session_id, text))


@_reporting
def approve(options: Options) -> int:
    """``--approve ID``."""
    session_id = options.approve or ""
    return _act(
        options, session_id, "approved the plan of", lambda jules: jules.approve(session_id)
    )


def _act(options: Options, session_id: str, done: str, act: Callable[[JulesClient], None]) -> int:
    """Run an action on a session; then follow what it causes, or print ``done``."""
    follower = follower_of(options)
    client = follower.client
    session = client.get(session_id)
    if options.approve and (session.ended or session.working):
        text = f"Jules session {session_id} has no plan that waits for approval"
        text = f"{text}; its state is {session.state}; see: dx-dispatch --status {session_id}"
        return report(options, JulesResult.failure(Reason.JULES_ERROR, text, session))
    before = client.activities(session_id) if options.wait else []
    known = frozenset(each.name for each in before)
    act(client)
    if options.wait:
        return report(options, replace(follower, former=session, known=known).run(session_id))
    if not options.json and not options.quiet:
        show(f"{done} Jules session {session_id}", err=True)
    now = client.get(session_id)
    return report(options, JulesResult(outcome=None, reason=None, session=now))


def follow(options: Options) -> int:
    """``--logs ID``; with ``--follow`` also what happens from now on."""
    options = replace(options, wait=options.follow)
    return report(options, follower_of(options).run(options.logs or ""))


def show_status(options: Options) -> int:
    """``--status ID``."""
    silent = replace(follower_of(options), tell=lambda _text: None)
    result = silent.run(options.status or "")
    code = 0 if result.session else _code(result)
    if options.json:
        emit(turns_document([result], code))
    else:
        show(render.status_text(result), end="")
    return code


@_reporting
def abort(options: Options) -> int:
    """``--abort ID``: archives the session, since Jules has no cancel."""
    client, session_id = follower_of(options).client, options.abort or ""
    before = client.get(session_id)
    client.archive(session_id)
    session = client.get(session_id)
    stopped = session.ended or session.state == "PAUSED"
    text = f"archived; Jules has no cancel, and the session is {session.state}"
    if before.ended:
        text = f"archived; the session had already ended ({before.state})"
    elif not stopped:
        text += f"; it may continue: see {session.url or 'jules.google.com'}"
    result = JulesResult(
        outcome=FanoutOutcome.ABORTED, reason=Reason.ABORTED, session=session, error=text,
        stop_verified=stopped,
    )  # fmt: skip
    report(options, result)
    return 0 if stopped else FanoutOutcome.FAILURE.exit_code


def show_sessions(options: Options) -> int:
    """``--sessions --jules``."""
    found = follower_of(options).client.sessions()
    note_sessions(Sighting(id=each.id, kind="jules") for each in found)
    if options.json:
        emit(document(exit_code=0, sessions=[asdict(each) for each in found]))
    else:
        show(render.sessions_table(found, terminal_width()), end="")
    return 0


@_reporting
def show_patch(options: Options) -> int:
    """``--diff ID``: prints the patch as Jules has it, for ``git apply``."""
    session, patch = follower_of(options).client.get_with_patch(options.diff or "")
    if options.json:
        _emit(session, patch)
    elif patch:
        plain = patch.encode(errors="replace")
        SCREEN.raw(sys.stdout.buffer, painted_patch(patch) if terminal_width() else plain)
    elif not options.quiet:
        show("it has changed nothing", err=True)
    return 0


@_reporting
def unarchive(options: Options) -> int:
    """``--unarchive ID``."""
    client, session_id = follower_of(options).client, options.unarchive or ""
    client.unarchive(session_id)
    return _done(options, "unarchived", client.get(session_id))


@_reporting
def delete(options: Options) -> int:
    """``--delete ID``."""
    client, session_id = follower_of(options).client, options.delete or ""
    session = client.get(session_id)
    client.delete(session_id)
    return _done(options, "deleted", session)


def _done(options: Options, done: str, session: Session) -> int:
    if options.json:
        _emit(session)
    elif not options.quiet:
        show(f"{done} Jules session {session.id}", err=True)
    return 0


def _emit(session: Session, patch: str | None = None) -> None:
    good = FanoutOutcome.SUCCESS
    result = JulesResult(outcome=good, reason=Reason.OK, session=session, patch=patch)
    emit(turns_document([result], good.exit_code))


def _code(result: JulesResult, *, waited: bool = False) -> int:
    if result.outcome is None:
        return FanoutOutcome.ABORTED.exit_code if waited else 0
    return result.outcome.exit_code


def report(options: Options, result: JulesResult) -> int:
    """Show the result, log its end, and return the exit code."""
    code = _code(result, waited=options.wait)
    good = result.outcome is FanoutOutcome.SUCCESS
    if result.outcome is not None:
        event(
            result.outcome.lower(), logging.INFO if good else logging.ERROR, host="jules",
            session=result.session.id if result.session else None,
            duration_ms=result.duration_ms, reason=None if good else str(result.reason),
            stop_verified=result.stop_verified, attached=result.attached or None,
        )  # fmt: skip
    if options.json:
        emit(turns_document([result], code))
    request = result.session.pull_request if result.session else None
    if request is not None and good and not options.json:
        show(request)
    if result.outcome is not None and wants_line(options, failed=not good):
        show(render.summary_line(result), err=True)
    return code
