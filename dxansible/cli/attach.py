"""Calls about a command or an agent's session, by its id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.cli import awaiting, commands, health, listings, sessions
from dxansible.errors import NoMatchError, UnknownSessionError
from dxansible.ids import begins_id, is_agent_session, is_command
from dxansible.run.attach_sessions import resolve_id, resolve_session
from dxansible.run.patterns import is_plain_name
from dxansible.value import replace

if TYPE_CHECKING:
    from dxansible.cli.table import Options

__all__ = ["abort", "finalize", "follow", "show_status"]


def follow(options: Options) -> int:
    """``--logs ID``."""
    settings = options.settings()
    found = awaiting.begun(resolve_id(options.logs or "", settings), settings)
    if is_command(found[0]):
        return commands.follow(options, found)
    return sessions.follow(replace(options, logs=found[0]))


def abort(options: Options) -> int:
    """``--abort ID``."""
    settings = options.settings()
    stopped = awaiting.stop_waiting(options.abort or "")
    if stopped is not None:
        results, turns, code = stopped
        if turns:
            return sessions.report(options, turns, code=code)
        return commands.report(options, results, code=code)
    found = resolve_id(options.abort or "", settings)
    if is_command(found[0]):
        return commands.abort(options, found)
    return sessions.abort(replace(options, abort=found[0]))


def finalize(options: Options) -> int:
    """``--finalize-pr SES``."""
    from dxansible.cli.finalize import finalize  # noqa: PLC0415 - loads what no other call needs

    return finalize(options, resolve_session)


def show_status(options: Options) -> int:
    """``--status`` of hosts, or of an id; a name that is both counts as a host."""
    name = options.status or ""
    if is_agent_session(name) or is_command(name):
        return _show_session(options)
    try:
        return health.show_health(options)
    except NoMatchError as error:
        if not (is_plain_name(name) and begins_id(name)):
            raise
        try:
            return _show_session(options)
        except UnknownSessionError:
            raise error from None


def _show_session(options: Options) -> int:
    found = resolve_id(options.status or "", options.settings())
    if is_command(found[0]):
        return listings.show_commands(options, found)
    return listings.show_status(replace(options, status=found[0]))
