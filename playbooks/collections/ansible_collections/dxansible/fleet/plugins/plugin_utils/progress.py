# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run knows of its session so far, whatever connections it has lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .evidence import Evidence, join
from .machine import THIS_MACHINE

if TYPE_CHECKING:
    from .keeper_reply import Reply


@dataclass(slots=True, kw_only=True)
class Progress:
    """Progress of one session, kept across connection attempts."""

    id: str
    began: float = field(default_factory=THIS_MACHINE.now)
    """By the clock of `elapsed`."""
    token: str = field(default_factory=lambda: THIS_MACHINE.token(8))
    """Sent with the start. Shows whether the session is ours or another client's."""
    attempts: int = 1
    """Connection attempts, including the current one."""
    failures: int = 0
    """Failed attempts in a row, up to now: since the VM has answered last."""
    unfinished: int = 0
    """Failed attempts since a step has come to its end."""
    started: bool = False
    """The VM has confirmed that it has the session."""
    started_by_us: bool = False
    """This run started the session, so the session has this run's time limit."""
    started_by_others: bool = False
    """Another client started it. Nobody has started an id that was only settled."""
    joined: Evidence = Evidence.NEVER_SENT
    """The evidence of all attempts, and of earlier runs."""
    first_sent: float | None = None
    """When the first start that may have arrived was sent, or the last one if none can have."""
    out_next: int = 0
    """Offset of the first byte not fetched yet."""
    err_next: int = 0
    taken: int = 0
    """Bytes of both streams that the caller's reader has taken, as last reported."""
    follower: str = field(default_factory=lambda: THIS_MACHINE.token(4))
    """Identifies this follower of the session to the keeper."""

    @property
    def may_have_arrived(self) -> bool:
        """The work may exist on the VM: an attempt may have reached it, or it began earlier."""
        return self.joined.may_have_arrived

    def add(self, news: Evidence) -> None:
        """Join the evidence of one more attempt."""
        self.joined = join(self.joined, news)

    def hear(self, reply: Reply) -> None:
        """Record that the VM has answered about the session."""
        self.joined = Evidence.TOLD
        self.started_by_us |= reply.token == self.token
        self.started_by_others = reply.token not in {None, self.token}
