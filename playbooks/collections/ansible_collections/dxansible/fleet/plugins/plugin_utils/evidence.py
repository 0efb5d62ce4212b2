# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a verdict was made from. Silence is no answer, so it proves nothing.

The proofs are what mypy asks for where something would be said of work that nobody has seen: only
the functions here make them, from an answer or from the joined evidence of all attempts. The Python
package has this same file as ``dxansible.evidence``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from .states import SessionState
from .value import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .keeper_reply import Session

__all__ = [
    "Evidence",
    "NoRecord",
    "NothingBegan",
    "NothingLeft",
    "join",
    "never_sent_before",
    "no_record",
    "no_turns",
    "nothing_began",
    "nothing_left",
    "nothing_sent",
]


class Evidence(StrEnum):
    """The source of a verdict. A record without one, of an earlier release, is LOST."""

    TOLD = "told"
    """The keeper's answer about this session."""
    NEVER_SENT = "never_sent"
    """Nothing with the work has left this machine, and nothing will."""
    REFUSED = "refused"
    """The transport's own word, before a byte of the work was sent."""
    LOST = "lost"
    """Work may have arrived, and nobody has answered since. It proves nothing."""
    TOOL = "tool"
    """A failure of this machine: Ansible, our content, an engine. It proves nothing of the VM."""
    SERVICE = "service"
    """The word of Jules, GitHub or a tracker, about what is theirs."""

    @property
    def may_have_arrived(self) -> bool:
        """Whether work may be on the VM."""
        return self not in {Evidence.NEVER_SENT, Evidence.REFUSED}


def join(known: Evidence, news: Evidence) -> Evidence:
    """Return the evidence of a run's attempts so far, and of one more.

    What was lost stays lost until the VM tells: a later refusal says nothing of it.
    """
    if news is Evidence.TOLD or not known.may_have_arrived:
        return news
    return Evidence.LOST


class NothingBegan(Value):
    """Proof that work has not begun, and never will."""

    evidence: Evidence


class NoRecord(Value):
    """Proof that the VM has no record of a session; it may have run, and be removed."""

    evidence: Evidence


class NothingLeft(Value):
    """Proof that no process of a session is left."""

    evidence: Evidence


def nothing_sent(evidence: Evidence) -> NothingBegan:
    """Prove it by the joined evidence of all attempts. Raises ValueError if that can't."""
    if evidence.may_have_arrived:
        raise ValueError(f"{evidence} does not prove that nothing has begun")
    return NothingBegan(evidence=evidence)


def nothing_began(reply: Session, *, first_sent_here: bool = False) -> NothingBegan | None:
    """Return the proof that an answer gives; None if it gives none.

    A tombstone is none: the session may have ended, and have been removed, before the abort. Unless
    it was ``first_sent_here``: no call before this one can have sent it.
    """
    settled = reply.state == SessionState.UNSTARTED or (
        reply.state == SessionState.ABORTED and reply.never
    )
    proven = settled or (reply.tombstone and first_sent_here)
    return NothingBegan(evidence=Evidence.TOLD) if proven else None


def no_record(reply: Session) -> NoRecord | None:
    """Return the proof that an answer gives; None if it gives none."""
    return (
        NoRecord(evidence=Evidence.TOLD)
        if reply.tombstone or reply.state == SessionState.UNKNOWN
        else None
    )


def never_sent_before(reason: str | None, evidence: Evidence) -> NothingBegan | None:
    """Return the proof that the stop of an id gives which only this call has used.

    A VM without a record of it has never had the work: the stop says since when it may have had it,
    and a VM that may have lost it since then says so instead. None if the answer proves nothing.
    """
    told = reason == "unknown_session" and evidence is Evidence.TOLD
    return NothingBegan(evidence=Evidence.TOLD) if told else None


def no_turns(known: Sequence[object]) -> NoRecord | None:
    """Return the proof that a listing gives which has none of a session's turns."""
    return None if known else NoRecord(evidence=Evidence.TOLD)


def nothing_left(reply: Session) -> NothingLeft | None:
    """Return the proof that an answer gives; None if it gives none."""
    proven = reply.verified is True or nothing_began(reply) is not None
    return NothingLeft(evidence=Evidence.TOLD) if proven else None
