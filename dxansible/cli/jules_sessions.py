"""Calls about the patch of a session of Jules, and about its place on the list."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from dxansible.cli.jules import report
from dxansible.cli.jules_follower import follower_of
from dxansible.cli.terminal import SCREEN
from dxansible.errors import ServiceError
from dxansible.jules.model import JulesResult
from dxansible.record import FanoutOutcome, Reason
from dxansible.render.patch import painted_patch
from dxansible.render.sessions import turns_document
from dxansible.render.show import emit, show, terminal_width

if TYPE_CHECKING:
    from collections.abc import Callable

    from dxansible.cli.table import Options
    from dxansible.jules.client import JulesClient
    from dxansible.jules.model import Session

__all__ = ["delete", "show_patch", "unarchive"]


def show_patch(options: Options) -> int:
    """``--diff ID``: prints the patch as Jules has it, for ``git apply``."""
    client, session_id = follower_of(options).client, options.diff or ""
    try:
        session, patch = client.get_with_patch(session_id)
    except ServiceError as error:
        return report(options, JulesResult.failure(error.reason, str(error)))
    if options.json:
        _emit(session, patch=patch)
    elif patch:
        plain = patch.encode(errors="replace")
        SCREEN.raw(sys.stdout.buffer, painted_patch(patch) if terminal_width() else plain)
    elif not options.quiet:
        show("it has changed nothing", err=True)
    return 0


def unarchive(options: Options) -> int:
    """``--unarchive ID``."""
    session_id = options.unarchive or ""

    def act(client: JulesClient) -> Session:
        client.unarchive(session_id)
        return client.get(session_id)

    return _act(options, "unarchived", act)


def delete(options: Options) -> int:
    """``--delete ID``."""
    session_id = options.delete or ""

    def act(client: JulesClient) -> Session:
        session = client.get(session_id)
        client.delete(session_id)
        return session

    return _act(options, "deleted", act)


def _act(options: Options, done: str, act: Callable[[JulesClient], Session]) -> int:
    try:
        session = act(follower_of(options).client)
    except ServiceError as error:
        return report(options, JulesResult.failure(error.reason, str(error)))
    if options.json:
        _emit(session)
    elif not options.quiet:
        show(f"{done} Jules session {session.id}", err=True)
    return 0


def _emit(session: Session, patch: str | None = None) -> None:
    good = FanoutOutcome.SUCCESS
    result = JulesResult(outcome=good, reason=Reason.OK, session=session, patch=patch)
    emit(turns_document([result], good.exit_code))
