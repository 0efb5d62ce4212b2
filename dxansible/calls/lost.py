"""What is said of a call whose process, in an engine, was killed: its id, and that it may go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.calls import commands, sessions
from dxansible.errors import EngineError
from dxansible.fleet.hosts import hosts_named
from dxansible.fleet.patterns import is_plain_name
from dxansible.ids import session_on
from dxansible.outcome import FanoutOutcome, FanoutResult, Reason
from dxansible.sessions import TurnResult

if TYPE_CHECKING:
    from dxansible.calls.options import Options

__all__ = ["report_lost"]

_KILLED = "the process of this call was killed"


def report_lost(options: Options, token: str) -> int:
    """Report each host as out of contact, with its session's id; the exit code.

    Raises EngineError where nothing was to be started, or only Ansible knows the hosts.
    """
    target, run = options.target or "", f"ses_{token}"
    if options.command is not None:
        run = options.run_id or f"cmd_{token}"
    elif options.session is not None or options.task is None or options.jules:
        raise EngineError(f"{_KILLED}, and nobody knows what became of it", _remedy(options))
    hosts = hosts_named(target, options.settings()) if is_plain_name(target) else []
    if not hosts:
        message = f"{_KILLED}; what it had begun goes on"
        raise EngineError(message, f"its ids begin with {run}: --logs, --abort")
    known = [(host, session_on(run, host)) for host in hosts]
    if options.command is not None:
        return commands.report(options, [_of_command(*each) for each in known])
    return sessions.report(options, [_of_turn(*each) for each in known])


def _remedy(options: Options) -> str:
    named = options.session or options.logs or options.abort or options.finalize_pr
    return f"see: dx-dispatch --logs {named}" if named else "call again"


def _error(host: str, session: str) -> str:
    return f"{host}: {_KILLED}; what it had begun goes on, see: dx-dispatch --logs {session}"


def _of_command(host: str, session: str) -> FanoutResult:
    return FanoutResult(
        outcome=FanoutOutcome.FAILURE,
        reason=Reason.LOST_CONTACT,
        host=host,
        user=None,
        command_summary="",
        attempts=0,
        duration_ms=0,
        error=_error(host, session),
        session_id=session,
    )


def _of_turn(host: str, session: str) -> TurnResult:
    return TurnResult(
        host=host,
        session_id=session,
        user=None,
        outcome=FanoutOutcome.FAILURE,
        reason=Reason.LOST_CONTACT,
        error=_error(host, session),
    )
