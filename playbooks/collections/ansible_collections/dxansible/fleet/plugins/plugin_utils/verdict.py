# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Decides the outcome of a command, from the keeper's reply or the connection's failure."""

from __future__ import annotations

import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from .record import FanoutOutcome, PreflightStatus, Reason, Verdict
from .ssh_errors import SshFailure
from .states import SessionState
from .value import replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .keeper_reply import Reply, Session

STATUS: Mapping[SshFailure, PreflightStatus] = {
    SshFailure.UNRESOLVABLE: PreflightStatus.HOST_UNRESOLVABLE,
    SshFailure.UNREACHABLE: PreflightStatus.HOST_UNREACHABLE,
    SshFailure.CONNECT_TIMEOUT: PreflightStatus.TIMEOUT,
    SshFailure.HOST_KEY: PreflightStatus.AUTH_MODE_INVALID,
    SshFailure.AUTH: PreflightStatus.AUTH_MODE_INVALID,
    SshFailure.LOST: PreflightStatus.HOST_UNREACHABLE,
}
"""The preflight status for each failure of the connection."""
NEVER_THERE = (SshFailure.UNRESOLVABLE, SshFailure.UNREACHABLE, SshFailure.CONNECT_TIMEOUT)
"""The failures that occur before an attempt reaches the VM."""


_NO_RECORD = "the VM has no such session: it never arrived there, or was removed after its end"
_CHECK_THE_ID = "check the id: dx-dispatch --sessions, or --runs"

RUNNING = Verdict(outcome=None, reason=None)
"""No outcome yet: the work goes on, or starts, by itself."""


def failure(
    reason: Reason,
    error: str,
    *,
    exit_code: int | None = None,
    stop_verified: bool | None = None,
    left_running: int = 0,
) -> Verdict:
    """The verdict on work that has failed."""
    return Verdict(
        outcome=FanoutOutcome.FAILURE,
        reason=reason,
        error=error,
        exit_code=exit_code,
        stop_verified=stop_verified,
        left_running=left_running,
    )


def stopped(outcome: FanoutOutcome, reason: Reason, text: str, reply: Session) -> Verdict:
    """The verdict on work that was stopped. Its text says whether the processes are gone."""
    verified = bool(reply.verified)
    ending = "its processes are gone" if verified else reply.may_be_left
    return Verdict(
        outcome=outcome, reason=reason, error=f"{text} ({ending})", stop_verified=verified
    )


def not_known_gone(text: str) -> Verdict:
    """The verdict on work that may still be running after a stop."""
    return Verdict(
        outcome=FanoutOutcome.ABORTED, reason=Reason.ABORTED, error=text, stop_verified=False
    )


def not_answered(host: str, said: str, session: str) -> Verdict:
    """The verdict on a stop without an answer of the VM. ``said`` is why, as far as known."""
    why = said.removeprefix(f"{host}: ")
    text = (
        f"{host}: the VM did not answer the stop ({why}), so what was to be stopped may be running "
        f"there; see: dx-dispatch --logs {session}; try again: dx-dispatch --abort {session}"
    )
    return failure(Reason.LOST_CONTACT, text, stop_verified=False)


def from_reply(host: str, reply: Session, timeout: float | None) -> Verdict:  # noqa: C901, PLR0911 - a case each
    """The verdict on a session that has ended.

    ``timeout`` is for the text, in seconds; None if unknown.
    """
    match reply.state:
        case SessionState.EXITED:
            return _exited(host, 255 if reply.code is None else reply.code, reply.left)
        case SessionState.TIMEOUT:
            when = "at its deadline" if timeout is None else f"after {timeout:g} s"
            text = f"{host}: timed out {when}; use a longer --timeout"
            return stopped(FanoutOutcome.TIMEOUT, Reason.DEADLINE, text, reply)
        case SessionState.ABORTED if reply.tombstone:
            text = f"{_NO_RECORD}; it can't start there any more; {_CHECK_THE_ID}"
            return Verdict(
                outcome=FanoutOutcome.ABORTED,
                reason=Reason.UNKNOWN_SESSION,
                error=f"{host}: {text}",
            )
        case SessionState.ABORTED if reply.never:
            text = f"{host}: aborted before it had started; nothing was run"
            return Verdict(
                outcome=FanoutOutcome.ABORTED,
                reason=Reason.NOT_STARTED,
                error=text,
                stop_verified=True,
            )
        case SessionState.UNSTARTED if reply.never:
            text = "the VM restarted, or its keeper was killed, before its time"
            return failure(Reason.NOT_STARTED, f"{host}: {text}; nothing was run")
        case SessionState.ABORTED:
            return stopped(FanoutOutcome.ABORTED, Reason.ABORTED, f"{host}: aborted", reply)
        case SessionState.KILLED:
            text = f"{host}: the VM killed the command (is the VM shutting down?)"
            text += "" if reply.verified is not False else f"; {reply.may_be_left}"
            return failure(Reason.SIGNALLED, text, stop_verified=reply.verified)
        case SessionState.UNSTARTED:
            text = "the VM received the command but could not start it; nothing was run; try again"
            return failure(Reason.VM_ERROR, f"{host}: {text}")
        case SessionState.UNKNOWN:
            return failure(Reason.UNKNOWN_SESSION, f"{host}: {_NO_RECORD}; {_CHECK_THE_ID}")
        case _:  # LOST; the reader of replies refuses other words
            text = (
                f"{host}: the outcome of the command is unknown "
                "(the VM restarted, or its keeper was killed)"
            )
            if reply.verified is not None:
                return stopped(FanoutOutcome.FAILURE, Reason.LOST, text, reply)
            return failure(Reason.LOST, text)


def _exited(host: str, code: int, left: int) -> Verdict:
    if code == 0:
        return Verdict(
            outcome=FanoutOutcome.SUCCESS, reason=Reason.OK, exit_code=0, left_running=left
        )
    reason, text = Reason.EXIT_NONZERO, f"{host}: exit code {code}"
    with suppress(ValueError):  # no signal has that number
        if code > 128:  # noqa: PLR2004 - the shells' convention
            name = signal.Signals(code - 128).name
            reason, text = Reason.SIGNALLED, f"{host}: killed by {name} (exit code {code})"
    return failure(reason, text, exit_code=code, left_running=left)


def had_ended(host: str, own: Verdict, reply: Reply) -> Verdict:
    """The verdict on a stop of work that had already ended: its ``own`` verdict, with a note.

    The reply tells whether what the work had left running is gone. Work whose end is unknown stays
    LOST.
    """
    if own.reason is Reason.LOST:
        return own
    why = f" ({own.error.removeprefix(f'{host}: ')})" if own.error else ""
    text = f"{host}: had already ended: {own.outcome}{why}"
    if reply.stopped:
        text += f"; stopped {reply.stopped} process(es) that it had left running"
    gone = bool(reply.verified)
    if not gone and own.stop_verified is None:  # else its own text says so
        text += f"; {reply.may_be_left}"
    return replace(own, error=text, stop_verified=gone, left_running=reply.left)


def forgotten(host: str) -> Verdict:
    """The verdict on work that may have begun, and of which the VM has no record."""
    text = (
        "the VM has no record of the command, and may have restarted since the command was first "
        "sent; so it may have run: look there before you run it again"
    )
    return failure(Reason.LOST, f"{host}: {text}")


def never_arrived(host: str) -> Verdict:
    """The verdict on a start that came after the abort of its id, and had no start before it."""
    text = f"{host}: aborted before it arrived; this call has started nothing"
    return Verdict(outcome=FanoutOutcome.ABORTED, reason=Reason.NOT_STARTED, error=text)


def conflict(host: str, session: str) -> Verdict:
    """The verdict on an id that is bound to another command on the VM."""
    text = (
        f"{host}: the id {session} belongs to another command there, so this one was not run; "
        f"choose another id, or see that command: dx-dispatch --logs {session}"
    )
    return failure(Reason.ID_CONFLICT, text)


def refused(ssh: SshFailure, text: str) -> Verdict | None:
    """The verdict on a permanent failure; None if another attempt may succeed."""
    reasons = {SshFailure.AUTH: Reason.AUTH_FAILED, SshFailure.HOST_KEY: Reason.HOST_KEY}
    if ssh in reasons:
        return failure(reasons[ssh], text)
    return _never_there(ssh, text) if ssh is SshFailure.UNRESOLVABLE else None


def gave_up(ssh: SshFailure, text: str, session: str, *, may_have_arrived: bool) -> Verdict:
    """The verdict after the last attempt.

    ``may_have_arrived``: an attempt may have reached the VM, so a command may run.
    """
    if may_have_arrived or ssh not in NEVER_THERE:
        return _lost_contact(text, session)
    return _never_there(ssh, text)


def unable(text: str, session: str, *, may_have_arrived: bool) -> Verdict:
    """The verdict on an error of the VM's shell. ``may_have_arrived`` is as in `gave_up`."""
    return _lost_contact(text, session) if may_have_arrived else failure(Reason.VM_ERROR, text)


def not_sent(host: str) -> Verdict:
    """The verdict on work that was never sent, because the call has ended."""
    text = f"{host}: not started: the call ended before the host answered"
    return Verdict(outcome=FanoutOutcome.ABORTED, reason=Reason.NOT_STARTED, error=text)


def _lost_contact(text: str, session: str) -> Verdict:
    back = f"the command may be running there; see: dx-dispatch --logs {session}"
    return failure(Reason.LOST_CONTACT, f"{text}; {back}")


def _never_there(ssh: SshFailure, text: str) -> Verdict:
    return Verdict(outcome=FanoutOutcome.PREFLIGHT_FAILED, reason=STATUS[ssh], error=text)
