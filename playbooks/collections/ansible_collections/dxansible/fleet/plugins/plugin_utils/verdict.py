# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Decides the outcome of a command.

From the keeper's record, or from how far a failed connection had come.
"""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import TYPE_CHECKING

from .record import FanoutOutcome, PreflightStatus, Reason, Verdict
from .ssh_errors import SshFailure

if TYPE_CHECKING:
    from .keeper import Reply

__all__ = [
    "PREFLIGHT",
    "Verdict",
    "conflict",
    "from_reply",
    "gave_up",
    "had_ended",
    "refused",
    "unable",
]

PREFLIGHT = {
    SshFailure.UNRESOLVABLE: PreflightStatus.HOST_UNRESOLVABLE,
    SshFailure.UNREACHABLE: PreflightStatus.HOST_UNREACHABLE,
    SshFailure.CONNECT_TIMEOUT: PreflightStatus.TIMEOUT,
}
"""The failures with which no attempt reaches the VM."""


def _signal_name(code: int) -> str | None:
    try:
        return signal.Signals(code - 128).name if code > 128 else None  # noqa: PLR2004 - the shells' convention
    except ValueError:
        return None


def from_reply(host: str, reply: Reply, timeout: float | None) -> Verdict:  # noqa: PLR0911 - a case each
    """The verdict on a session that has ended.

    ``timeout`` is for the text, in seconds; None where it is not known.
    """
    match reply.state:
        case "exited" if reply.code == 0:
            return Verdict(
                outcome=FanoutOutcome.SUCCESS,
                reason=Reason.OK,
                exit_code=0,
                left_running=reply.left,
            )
        case "exited":
            return _failed(host, reply)
        case "timeout":
            limit = "its deadline" if timeout is None else f"{timeout:g} s"
            text = f"{host}: not done after {limit}; raise --timeout if it needs longer"
            return _stopped(FanoutOutcome.TIMEOUT, Reason.DEADLINE, text, reply)
        case "aborted":
            return _stopped(FanoutOutcome.ABORTED, Reason.ABORTED, f"{host}: aborted", reply)
        case "killed":
            return Verdict(
                outcome=FanoutOutcome.FAILURE,
                reason=Reason.SIGNALLED,
                error=f"{host}: the VM ended the command from outside (is it shutting down?)",
                stop_verified=reply.verified,
            )
        case "unstarted":
            text = (
                f"{host}: the VM took the command but could not start it; "
                "nothing has run, try again"
            )
            return Verdict(outcome=FanoutOutcome.FAILURE, reason=Reason.VM_ERROR, error=text)
        case "unknown":
            return Verdict(
                outcome=FanoutOutcome.FAILURE,
                reason=Reason.LOST,
                error=f"{host}: the VM knows of no such session",
            )
        case _:
            text = (
                f"{host}: the VM no longer knows what became of the command "
                "(restarted, or its keeper was killed)"
            )
            if reply.verified is not None:
                return _stopped(FanoutOutcome.FAILURE, Reason.LOST, text, reply)
            return Verdict(outcome=FanoutOutcome.FAILURE, reason=Reason.LOST, error=text)


def had_ended(host: str, own: Verdict) -> Verdict:
    """The answer to who asks to stop what has ended by itself: its ``own`` verdict, and it is gone.

    What nobody knows the end of stays lost.
    """
    if own.reason is Reason.LOST:
        return own
    why = f" ({own.error.removeprefix(f'{host}: ')})" if own.error else ""
    gone = own.stop_verified is not False
    text = f"{host}: had already ended: {own.outcome}{why}"
    return replace(own, error=text, stop_verified=gone)


def conflict(host: str, session: str) -> Verdict:
    """The verdict where the id stands for another command on the VM."""
    text = (
        f"{host}: the id {session} belongs to another command there, so this one was not run; "
        f"choose another id, or see that command: dx-dispatch --logs {session}"
    )
    return Verdict(outcome=FanoutOutcome.FAILURE, reason=Reason.ID_CONFLICT, error=text)


def _failed(host: str, reply: Reply) -> Verdict:
    code = reply.code if reply.code is not None else 255
    name = _signal_name(code)
    if name is not None:
        text, reason = f"{host}: killed by {name} (exit code {code})", Reason.SIGNALLED
    else:
        text, reason = f"{host}: exit code {code}", Reason.EXIT_NONZERO
    return Verdict(
        outcome=FanoutOutcome.FAILURE,
        reason=reason,
        error=text,
        exit_code=code,
        left_running=reply.left,
    )


def _stopped(outcome: FanoutOutcome, reason: Reason, text: str, reply: Reply) -> Verdict:
    verified = bool(reply.verified)
    ending = (
        "its processes are gone"
        if verified
        else "some of its processes may still be running on the VM"
    )
    return Verdict(
        outcome=outcome, reason=reason, error=f"{text} ({ending})", stop_verified=verified
    )


def refused(failure: SshFailure, text: str) -> Verdict | None:
    """The verdict on a failure that no second attempt can mend; None if one might."""
    match failure:
        case SshFailure.AUTH:
            return Verdict(outcome=FanoutOutcome.FAILURE, reason=Reason.AUTH_FAILED, error=text)
        case SshFailure.HOST_KEY:
            return Verdict(outcome=FanoutOutcome.FAILURE, reason=Reason.HOST_KEY, error=text)
        case SshFailure.UNRESOLVABLE:
            return Verdict(
                outcome=FanoutOutcome.PREFLIGHT_FAILED,
                reason=PreflightStatus.HOST_UNRESOLVABLE,
                error=text,
            )
        case _:
            return None


def gave_up(failure: SshFailure, text: str, session: str, *, contacted: bool) -> Verdict:
    """The verdict after the last attempt.

    ``contacted``: an attempt may have reached the VM, so a command may run.
    """
    if contacted or failure not in PREFLIGHT:
        return _lost_contact(text, session)
    return Verdict(outcome=FanoutOutcome.PREFLIGHT_FAILED, reason=PREFLIGHT[failure], error=text)


def unable(text: str, session: str, *, contacted: bool) -> Verdict:
    """The verdict where the VM's shell answers, but not with what was asked; as in `gave_up`."""
    if contacted:
        return _lost_contact(text, session)
    return Verdict(outcome=FanoutOutcome.FAILURE, reason=Reason.VM_ERROR, error=text)


def _lost_contact(text: str, session: str) -> Verdict:
    back = f"the command may be running there; see: dx-dispatch --logs {session}"
    return Verdict(
        outcome=FanoutOutcome.FAILURE, reason=Reason.LOST_CONTACT, error=f"{text}; {back}"
    )
