# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Makes verdicts, each from the evidence that proves it.

Nothing else makes one. The Python package has this same file as ``dxansible.verdict``.
"""

from __future__ import annotations

import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, TypeVar, overload

from .evidence import Evidence, no_record, nothing_began, nothing_left
from .record import FanoutOutcome, PreflightStatus, Reason, Verdict
from .ssh_errors import SshFailure
from .states import SessionState
from .value import fields, replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .evidence import NoRecord, NothingBegan, NothingLeft
    from .keeper_reply import Reply, Session

__all__ = [
    "NEVER_THERE", "RUNNING", "STATUS", "aborted", "as_end", "conflict", "failure", "forgotten",
    "from_reply", "gave_up", "had_ended", "lost_contact", "never_arrived", "never_begun",
    "no_session", "not_answered", "not_in_inventory", "not_sent", "not_started", "refused",
    "stopped", "tool_failed", "unable", "unchecked",
]  # fmt: skip

V = TypeVar("V", bound=Verdict)

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

RUNNING = Verdict(evidence=Evidence.TOLD)
"""No outcome yet: the work goes on, or starts, by itself."""


@overload
def failure(  # type: ignore[overload-overlap] # these two need a proof: `not_started`, `no_session`
    reason: Literal[Reason.NOT_STARTED, Reason.UNKNOWN_SESSION],
    error: str,
    evidence: Evidence = ...,
    *,
    exit_code: int | None = ...,
    gone: NothingLeft | Literal[False] | None = ...,
    left_running: int = ...,
) -> None: ...


@overload
def failure(
    reason: Reason,
    error: str,
    evidence: Evidence = ...,
    *,
    exit_code: int | None = ...,
    gone: NothingLeft | Literal[False] | None = ...,
    left_running: int = ...,
) -> Verdict: ...


def failure(  # noqa: PLR0913 - options by name
    reason: Reason,
    error: str,
    evidence: Evidence = Evidence.TOLD,
    *,
    exit_code: int | None = None,
    gone: NothingLeft | Literal[False] | None = None,
    left_running: int = 0,
) -> Verdict | None:
    """The verdict on work that has failed. ``gone`` is None if nothing was stopped."""
    return Verdict(
        outcome=FanoutOutcome.FAILURE,
        reason=reason,
        error=error,
        evidence=evidence,
        exit_code=exit_code,
        stop_verified=None if gone is None else gone is not False,
        left_running=left_running,
    )


def unchecked(
    status: PreflightStatus | Reason, error: str, evidence: Evidence = Evidence.NEVER_SENT
) -> Verdict:
    """The verdict on work whose host failed a check, so nothing was sent."""
    return Verdict(
        outcome=FanoutOutcome.PREFLIGHT_FAILED, reason=status, error=error, evidence=evidence
    )


def not_in_inventory(error: str) -> Verdict:
    """The verdict on work for a name that the inventory does not have."""
    return unchecked(PreflightStatus.USER_MAPPING_MISSING, error)


def not_started(
    error: str, proof: NothingBegan, outcome: FanoutOutcome = FanoutOutcome.ABORTED
) -> Verdict:
    """The verdict on work that has not begun, and never will."""
    return Verdict(outcome=outcome, reason=Reason.NOT_STARTED, error=error, evidence=proof.evidence)


def no_session(
    error: str, proof: NoRecord, outcome: FanoutOutcome = FanoutOutcome.FAILURE
) -> Verdict:
    """The verdict on a session of which the VM has no record."""
    return Verdict(
        outcome=outcome, reason=Reason.UNKNOWN_SESSION, error=error, evidence=proof.evidence
    )


def lost_contact(error: str, *, stops: bool = False) -> Verdict:
    """The verdict on work that may be running, or that was to be stopped: the VM is silent."""
    gone: Literal[False] | None = False if stops else None
    return failure(Reason.LOST_CONTACT, error, Evidence.LOST, gone=gone)


def aborted(
    error: str, evidence: Evidence = Evidence.LOST, *, gone: Literal[False] | None = None
) -> Verdict:
    """The verdict on work that may have begun, or may go on, when its call or a stop ended."""
    return Verdict(
        outcome=FanoutOutcome.ABORTED,
        reason=Reason.ABORTED,
        error=error,
        evidence=evidence,
        stop_verified=gone,
    )


def tool_failed(error: str) -> Verdict:
    """The verdict on work that this machine's Ansible, or our content, did not bring to an end."""
    return failure(Reason.VM_ERROR, error, Evidence.TOOL)


def stopped(outcome: FanoutOutcome, reason: Reason, text: str, reply: Session) -> Verdict:
    """The verdict on work that was stopped. Its text says whether the processes are gone."""
    verified = nothing_left(reply) is not None
    ending = "its processes are gone" if verified else reply.may_be_left
    return Verdict(
        outcome=outcome,
        reason=reason,
        error=f"{text} ({ending})",
        evidence=Evidence.TOLD,
        stop_verified=verified,
    )


def not_answered(host: str, said: str, session: str) -> Verdict:
    """The verdict on a stop without an answer of the VM. ``said`` is why, as far as known."""
    why = said.removeprefix(f"{host}: ")
    text = (
        f"{host}: the VM did not answer the stop ({why}), so what was to be stopped may be running "
        f"there; see: dx-dispatch --logs {session}; try again: dx-dispatch --abort {session}"
    )
    return lost_contact(text, stops=True)


def from_reply(host: str, reply: Session, timeout: float | None) -> Verdict:  # noqa: PLR0911 - a case each
    """The verdict on a session that has ended.

    ``timeout`` is for the text, in seconds; None if unknown.
    """
    never = _never_began(host, reply)
    if never is not None:
        return never
    match reply.state:
        case SessionState.EXITED:
            return _exited(host, 255 if reply.code is None else reply.code, reply.left)
        case SessionState.TIMEOUT:
            when = "at its deadline" if timeout is None else f"after {timeout:g} s"
            text = f"{host}: timed out {when}; use a longer --timeout"
            return stopped(FanoutOutcome.TIMEOUT, Reason.DEADLINE, text, reply)
        case SessionState.ABORTED:
            return stopped(FanoutOutcome.ABORTED, Reason.ABORTED, f"{host}: aborted", reply)
        case SessionState.KILLED:
            text = f"{host}: the VM killed the command (is the VM shutting down?)"
            text += "" if reply.verified is not False else f"; {reply.may_be_left}"
            return failure(Reason.SIGNALLED, text, gone=_gone(reply))
        case SessionState.UNSTARTED:
            text = "the VM received the command but could not start it; nothing was run; try again"
            return failure(Reason.VM_ERROR, f"{host}: {text}")
        case _:  # LOST; the reader of replies refuses other words
            text = (
                f"{host}: the outcome of the command is unknown "
                "(the VM restarted, or its keeper was killed)"
            )
            if reply.verified is not None:
                return stopped(FanoutOutcome.FAILURE, Reason.LOST, text, reply)
            return failure(Reason.LOST, text)


def _never_began(host: str, reply: Session) -> Verdict | None:
    """The verdict on a session that never began, or that nobody knows; None if it is neither."""
    unknown = no_record(reply)
    if unknown is not None and reply.tombstone:
        text = f"{host}: {_NO_RECORD}; it can't start there any more; {_CHECK_THE_ID}"
        return no_session(text, unknown, FanoutOutcome.ABORTED)
    if unknown is not None:
        return no_session(f"{host}: {_NO_RECORD}; {_CHECK_THE_ID}", unknown)
    proof = nothing_began(reply)
    if proof is None or not reply.never:
        return None
    if reply.state == SessionState.ABORTED:
        return never_begun(host, proof)
    text = f"{host}: the VM restarted, or its keeper was killed, before its time; nothing was run"
    return not_started(text, proof, FanoutOutcome.FAILURE)


def never_begun(host: str, proof: NothingBegan) -> Verdict:
    """The verdict on work that was stopped before it had begun."""
    decided = not_started(f"{host}: aborted before it had started; nothing was run", proof)
    return replace(decided, stop_verified=True)


def _gone(reply: Session) -> NothingLeft | Literal[False] | None:
    return None if reply.verified is None else nothing_left(reply) or False


def _exited(host: str, code: int, left: int) -> Verdict:
    if code == 0:
        return Verdict(
            outcome=FanoutOutcome.SUCCESS,
            reason=Reason.OK,
            evidence=Evidence.TOLD,
            exit_code=0,
            left_running=left,
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
        return replace(own, stop_verified=own.stop_verified is True)
    why = f" ({own.error.removeprefix(f'{host}: ')})" if own.error else ""
    text = f"{host}: had already ended: {own.outcome}{why}"
    if reply.stopped:
        text += f"; stopped {reply.stopped} process(es) that it had left running"
    gone = nothing_left(reply) is not None
    if not gone and own.stop_verified is None:  # else its own text says so
        text += f"; {reply.may_be_left}"
    return replace(own, error=text, stop_verified=gone, left_running=reply.left)


def forgotten(host: str, gone: NothingLeft | None = None) -> Verdict:
    """The verdict on work that may have begun, and of which the VM has no record.

    ``gone`` is the proof that a stop gives.
    """
    text = (
        "the VM has no record of the command, and may have restarted since the command was first "
        "sent; so it may have run: look there before you run it again"
    )
    return failure(Reason.LOST, f"{host}: {text}", gone=gone)


def never_arrived(host: str, proof: NothingBegan) -> Verdict:
    """The verdict on a start that came after the abort of its id, and had no start before it."""
    return not_started(f"{host}: aborted before it arrived; this call has started nothing", proof)


def conflict(host: str, session: str) -> Verdict:
    """The verdict on an id that is bound to another command on the VM."""
    text = (
        f"{host}: the id {session} belongs to another command there, so this one was not run; "
        f"choose another id, or see that command: dx-dispatch --logs {session}"
    )
    return failure(Reason.ID_CONFLICT, text)


def refused(ssh: SshFailure, text: str, evidence: Evidence = Evidence.REFUSED) -> Verdict | None:
    """The verdict on a permanent failure; None if another attempt may succeed.

    ``evidence`` is LOST if only a question was refused about work that was sent earlier.
    """
    reasons = {SshFailure.AUTH: Reason.AUTH_FAILED, SshFailure.HOST_KEY: Reason.HOST_KEY}
    if ssh in reasons and evidence.may_have_arrived:
        return failure(reasons[ssh], text, evidence)
    if ssh in reasons:
        return unchecked(reasons[ssh], text, evidence)
    if ssh is SshFailure.UNRESOLVABLE:
        return unchecked(STATUS[ssh], text, Evidence.REFUSED)
    return None


def gave_up(ssh: SshFailure, text: str, session: str, joined: Evidence) -> Verdict:
    """The verdict after the last attempt; ``joined`` is the evidence of all."""
    if joined.may_have_arrived or ssh not in NEVER_THERE:
        return lost_contact(_may_run(text, session))
    return unchecked(STATUS[ssh], text, Evidence.REFUSED)


def unable(text: str, session: str, joined: Evidence) -> Verdict:
    """The verdict on an error of the VM's shell; ``joined`` is as in `gave_up`."""
    if joined.may_have_arrived:
        return lost_contact(_may_run(text, session))
    return failure(Reason.VM_ERROR, text)


def not_sent(host: str, proof: NothingBegan) -> Verdict:
    """The verdict on work that was never sent, because the call has ended."""
    return not_started(f"{host}: not started: the call ended before the host answered", proof)


def as_end(kind: type[V], decided: Verdict, **more: object) -> V:
    """Return the verdict as the end of work on a host; ``more`` are further fields of its kind."""
    told = {each.name: getattr(decided, each.name) for each in fields(Verdict)}
    return kind(**told | more)


def _may_run(text: str, session: str) -> str:
    return f"{text}; the command may be running there; see: dx-dispatch --logs {session}"
