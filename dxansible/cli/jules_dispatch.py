"""Hands a task or an issue to Jules."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dxansible.cli.audit import audited
from dxansible.cli.issues import read_claim
from dxansible.cli.jules import report
from dxansible.cli.jules_follower import follower_of
from dxansible.cli.jules_request import make_request, show_request
from dxansible.errors import ServiceError
from dxansible.jules.model import JulesResult
from dxansible.logs import event
from dxansible.record import FanoutOutcome, Reason
from dxansible.render import jules as render
from dxansible.render.show import show
from dxansible.seen import Sighting, note_sessions

if TYPE_CHECKING:
    from dxansible.cli.issues import IssueClaim
    from dxansible.cli.table import Options
    from dxansible.jules.client import Created
    from dxansible.jules.follow import Follower

__all__ = ["dispatch"]


def dispatch(options: Options) -> int:
    """``--jules TASK``, ``--jules --issue ID``."""
    claim = read_claim(options)
    request = make_request(options, claim)
    if options.dry_run:
        return show_request(options, request)
    follower = follower_of(options)
    with audited(options, f"Jules, for {request.repository}", request.title) as audit:
        try:
            created = follower.client.create(request, claim.take if claim else None)
        except ServiceError as error:
            result = _not_created(error, claim)
        else:
            audit.begin_jules(created, last=not options.wait)
            result = _created(options, follower, created, claim)
        code = report(options, result)
        audit.jules(result)
    return code


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
    note_sessions([Sighting(id=session.id, kind="jules")])
    if not options.json:
        show(f"{session.id}  {session.url}".rstrip())
    result = JulesResult(
        outcome=None, reason=None, session=session, attached=created.attached,
        attached_age_sec=age, issue=claim.issue.id if claim else None,
    )  # fmt: skip
    if created.attached:
        text = "Jules already has a session for this task; nothing was created"
        show(f"{text}: {render.attached(result)}. For another session: --run-id NAME", err=True)
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
