"""Makes the request for a session of Jules."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from dxansible.cli.issues import task_text
from dxansible.errors import UsageError
from dxansible.git_remote import check_repository, read_repository
from dxansible.ids import check_run_id
from dxansible.jules.model import CreateRequest
from dxansible.parameters import ATTACH_AGE_SECONDS
from dxansible.redact import summarize
from dxansible.render import jules as render
from dxansible.render.invisible import invisible_note
from dxansible.render.show import emit, show
from dxansible.services import ServiceSettings

if TYPE_CHECKING:
    from dxansible.cli.issues import IssueClaim
    from dxansible.cli.table import Options

__all__ = ["make_request", "show_request"]

_TITLE_LENGTH = 100


def show_request(options: Options, request: CreateRequest) -> int:
    """``--dry-run``: show what would be sent."""
    text = render.dry_run_document if options.json else render.dry_run_text
    shown = text(request, ServiceSettings.load().jules_url)
    emit(f"{shown.rstrip()}\n")
    if note := invisible_note(request.prompt):
        show(note, err=True)
    return 0


def make_request(options: Options, claim: IssueClaim | None) -> CreateRequest:
    """Return the request for the task or the issue. Raises UsageError."""
    if options.repo is not None:
        repository = check_repository(options.repo)
    else:
        repository = read_repository(Path.cwd())
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
        plan_approval=options.plan_approval,
        auto_pr=not options.no_auto_pr,
        attach_age_sec=age,
    )
