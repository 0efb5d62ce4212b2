"""Calls about Jules: hand it a task or an issue, and manage its sessions."""

from __future__ import annotations

import hashlib
import logging
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dxansible.cli.audit import audited
from dxansible.cli.issues import read_claim, task_text
from dxansible.cli.terminal import SCREEN, cancel_on_signals
from dxansible.errors import ServiceError, UsageError
from dxansible.git_remote import check_repository, read_repository
from dxansible.ids import check_run_id
from dxansible.jules.client import JulesClient
from dxansible.jules.follow import Follower
from dxansible.jules.model import CreateRequest, JulesResult
from dxansible.logs import event
from dxansible.parameters import ATTACH_AGE_SECONDS, TURN_SECONDS
from dxansible.record import FanoutOutcome, Reason
from dxansible.redact import safe, summarize
from dxansible.render import jules as render
from dxansible.render.documents import document
from dxansible.render.invisible import invisible_note
from dxansible.render.sessions import turns_document
from dxansible.render.show import emit, show
from dxansible.settings import ServiceSettings
from dxansible.slack.opening import open_trail

if TYPE_CHECKING:
    from collections.abc import Callable

    from dxansible.cli.issues import IssueClaim
    from dxansible.cli.table import Options
    from dxansible.jules.client import Created

__all__ = ["abort", "approve", "dispatch", "follow", "send", "show_sessions", "show_status"]

_DETACHED = "no longer watching; what Jules has taken goes on there"
_TITLE_LENGTH = 100


def dispatch(options: Options) -> int:
    """``--jules TASK``, ``--jules --issue ID``."""
    claim = read_claim(options)
    if options.repo is not None:
        repository = check_repository(options.repo)
    else:
        repository = read_repository(Path.cwd())
    request = _request(options, claim, repository)
    if options.dry_run:
        text = render.dry_run_document if options.json else render.dry_run_text
        shown = text(request, ServiceSettings.load().jules_url)
        emit(f"{shown.rstrip()}\n")
        if note := invisible_note(request.prompt):
            show(note, err=True)
        return 0
    follower = _follower(options)
    trail = open_trail(options.slack)
    with audited(options, trail, f"Jules, for {repository}", request.title) as audit:
        try:
            created = follower.client.create(request, claim.take if claim else None)
        except ServiceError as error:
            result = _not_created(error, claim)
        else:
            audit.begin_jules(created, last=not options.wait)
            result = _created(options, follower, created, claim)
        code = _report(options, result)
        audit.jules(result)
    return code


def _request(options: Options, claim: IssueClaim | None, repository: str) -> CreateRequest:
    given = task_text(options, claim, repository, 'dx-dispatch --jules "TASK"')
    try:
        prompt = given if isinstance(given, str) else given.decode()
        prompt.encode()
    except UnicodeError as error:
        raise UsageError("the task is not UTF-8", "Jules takes text only") from error
    if not prompt.strip():
        raise UsageError("the task is empty", 'give one: dx-dispatch --jules "TASK"')
    what = f"run {check_run_id(options.run_id)}" if options.run_id else f"task {prompt}"
    # a request has the same marker on every machine, which finds its session again
    key = "\0".join([repository.lower(), options.branch or "", what])
    marker = f"dx-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    issue = claim.issue if claim else None
    title = f"{issue.id}: {issue.title}" if issue else prompt.strip().splitlines()[0]
    age = options.attach_age
    if age is None and options.run_id is None:  # no age limit for a request that the user named
        age = ATTACH_AGE_SECONDS
    return CreateRequest(
        prompt=prompt,
        title=f"{summarize(title, _TITLE_LENGTH)} [{marker}]",
        marker=marker,
        repository=repository,
        branch=options.branch,
        attach_age_sec=age,
    )


def _not_created(error: ServiceError, claim: IssueClaim | None) -> JulesResult:
    unclear = error.reason is Reason.CREATE_UNCLEAR
    if claim is not None and not unclear:
        claim.release()
    return JulesResult(
        outcome=FanoutOutcome.FAILURE if unclear else FanoutOutcome.PREFLIGHT_FAILED,
        reason=error.reason,
        error=str(error),
        issue=claim.issue.id if claim else None,
    )


def _created(
    options: Options, follower: Follower, created: Created, claim: IssueClaim | None
) -> JulesResult:
    session = created.session
    name = "session_attached" if created.attached else "session_started"
    age = None if created.age_sec is None else int(created.age_sec)
    event(name, host="jules", session=session.id, url=session.url, state=session.state, age_s=age)
    if not options.json:
        show(f"{session.id}  {session.url}".rstrip())
    result = JulesResult(
        outcome=None, reason=None, session=session, attached=created.attached,
        attached_age_sec=age, issue=claim.issue.id if claim else None,
    )  # fmt: skip
    if created.attached:
        text = f"Jules was given this before, so nothing was created: {render.attached(result)}"
        show(f"{text}. For another session: --run-id NAME", err=True)
    elif claim is not None:
        claim.comment(f"dx-dispatch started Jules session {session.id}: {session.url}")
    if options.wait:
        followed = replace(follower, fresh=not created.attached).run(session.id)
        result = replace(
            followed, attached=created.attached, attached_age_sec=age, issue=result.issue
        )
        if claim is not None and result.outcome is not None:
            claim.comment(render.comment(result))
    return result


def send(options: Options) -> int:
    """``--session ID TEXT``."""
    session_id = options.session or ""
    given = options.text(options.task, "message", f'dx-dispatch --session {session_id} "TEXT"')
    text = given if isinstance(given, str) else given.decode(errors="replace")
    return _act(options, session_id, "sent to", lambda jules: jules.send_message(session_id, text))


def approve(options: Options) -> int:
    """``--approve ID``."""
    session_id = options.approve or ""
    return _act(
        options, session_id, "approved the plan of", lambda jules: jules.approve(session_id)
    )


def _act(options: Options, session_id: str, done: str, act: Callable[[JulesClient], None]) -> int:
    """Run an action on a session; then follow what it causes, or print ``done``."""
    follower = _follower(options)
    client = follower.client
    try:
        session = client.get(session_id)
        if options.approve and (session.ended or session.working):
            text = f"no plan of Jules session {session_id} waits for approval"
            text = f"{text}: it is {session.state}; see: dx-dispatch --status {session_id}"
            return _report(options, JulesResult.failure(Reason.JULES_ERROR, text, session))
        before = client.activities(session_id) if options.wait else []
        known = frozenset(each.name for each in before)
        act(client)
        if options.wait:
            told = replace(follower, former=session, known=known).run(session_id)
            return _report(options, told)
        if not options.json and not options.quiet:
            show(f"{done} Jules session {session_id}", err=True)
        now = client.get(session_id)
        return _report(options, JulesResult(outcome=None, reason=None, session=now))
    except ServiceError as error:
        return _report(options, JulesResult.failure(error.reason, str(error)))


def follow(options: Options) -> int:
    """``--logs ID``; with ``--follow`` also what happens from now on."""
    options = replace(options, wait=options.follow)
    return _report(options, _follower(options).run(options.logs or ""))


def show_status(options: Options) -> int:
    """``--status ID``."""
    silent = replace(_follower(options), tell=lambda _text: None)
    result = silent.run(options.status or "")
    code = 0 if result.session else _code(result)
    if options.json:
        emit(turns_document([result], code))
    else:
        show(render.status_text(result), end="")
    return code


def abort(options: Options) -> int:
    """``--abort ID``: archives the session, since Jules has no cancel."""
    client, session_id = _follower(options).client, options.abort or ""
    try:
        before = client.get(session_id)
        client.archive(session_id)
        session = client.get(session_id)
    except ServiceError as error:
        return _report(
            options, replace(JulesResult.failure(error.reason, str(error)), stop_verified=False)
        )
    stopped = session.ended or session.state == "PAUSED"
    text = f"archived; Jules has no cancel, and says that the session is {session.state}"
    if before.ended:
        text = f"archived; it had ended by itself ({before.state})"
    elif not stopped:
        text += f": it may go on. Look at {session.url or 'jules.google.com'}"
    result = JulesResult(
        outcome=FanoutOutcome.ABORTED, reason=Reason.ABORTED, session=session, error=text,
        stop_verified=stopped,
    )  # fmt: skip
    _report(options, result)
    return 0 if stopped else FanoutOutcome.FAILURE.exit_code


def show_sessions(options: Options) -> int:
    """``--sessions --jules``."""
    found = _follower(options).client.sessions()
    if options.json:
        emit(document(exit_code=0, sessions=[asdict(each) for each in found]))
    else:
        show(render.sessions_table(found), end="")
    return 0


def _follower(options: Options) -> Follower:
    """Return what follows sessions as these options say; Ctrl-C stops it from now on.

    Raises UsageError without a key.
    """
    settings = ServiceSettings.load()
    if settings.jules_key is None:
        message = "JULES_API_KEY is not set"
        raise UsageError(message, "make a key at jules.google.com/settings, and export it")
    cancelled = cancel_on_signals(_DETACHED, _DETACHED, json=options.json)

    def tell(text: str) -> None:
        try:
            SCREEN.raw(sys.stdout.buffer, safe(text).encode())
        except BrokenPipeError:
            cancelled.set()

    return Follower(
        client=JulesClient(settings.jules_url, settings.jules_key, sleep=cancelled.wait),
        tell=(lambda _text: None) if options.json else tell,
        wait=options.wait,
        timeout_sec=TURN_SECONDS if options.timeout is None else options.timeout,
        idle_timeout_sec=options.idle_timeout,
        allow_no_pr=options.allow_no_pr,
        cancelled=cancelled,
    )


def _code(result: JulesResult, *, waited: bool = False) -> int:
    if result.outcome is None:
        return FanoutOutcome.ABORTED.exit_code if waited else 0
    return result.outcome.exit_code


def _report(options: Options, result: JulesResult) -> int:
    """Show the result, log its end, and return the exit code."""
    code = _code(result, waited=options.wait)
    if result.outcome is not None:
        good = result.outcome is FanoutOutcome.SUCCESS
        event(
            result.outcome.lower(), logging.INFO if good else logging.ERROR, host="jules",
            session=result.session.id if result.session else None,
            duration_ms=result.duration_ms, reason=None if good else str(result.reason),
            stop_verified=result.stop_verified, attached=result.attached or None,
        )  # fmt: skip
    if options.json:
        emit(turns_document([result], code))
        return code
    request = result.session.pull_request if result.session else None
    if request is not None and result.outcome is FanoutOutcome.SUCCESS:
        show(request)
    if not options.quiet and result.outcome is not None:
        show(render.summary_line(result), err=True)
    return code
