"""The state of one host while its events are gathered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dxansible.machine import THIS_MACHINE, Machine
from dxansible.run.events import RetryPlanned
from dxansible.run.output import HostOutput, HostText
from dxansible.value import replace

if TYPE_CHECKING:
    from dxansible.run.turn_events import TurnUpdate

__all__ = ["HostState"]


class HostState:
    """The state of one host in a run, and in the runs that follow if Ansible is killed."""

    def __init__(self, session_id: str | None = None, machine: Machine = THIS_MACHINE) -> None:
        """``session_id`` is None until the host has reported it. ``machine`` has the clock."""
        self.user: str | None = None
        self.session_id = session_id
        self._machine, self.began = machine, machine.now()
        self.attempts = 0
        self.earlier = 0
        """Attempts in earlier runs of Ansible, which were killed."""
        self.output = HostOutput()
        self.text = HostText()
        self.turn: TurnUpdate | None = None
        """The last update of a turn since the VM took it."""
        self.queued = False
        self.upto: tuple[int, ...] = ()
        """Turn, and offsets in both its streams, after the text gathered last."""

    @property
    def duration_ms(self) -> int:
        """Milliseconds since the host, or the turn that is followed, began."""
        return round((self._machine.now() - self.began) * 1000)

    def begin_again(self, host: str, why: str) -> RetryPlanned:
        """Prepare for a run that follows a lost one. Returns the event that tells it."""
        self.output.rewind()
        self.earlier += max(1, self.attempts - self.earlier)
        self.attempts = self.earlier + 1
        error = f"{host}: {why}"
        return RetryPlanned(
            host=host, attempt=self.earlier, error=error, session_id=self.session_id,
            user=self.user,
        )  # fmt: skip

    def known_of_turn(self) -> dict[str, Any]:
        """Return what a result has of a turn whose end nobody has told."""
        turn = self.turn
        return {} if turn is None else {
            "turn": turn.turn, "agent": turn.agent, "starts_s": turn.starts_s,
        }  # fmt: skip

    def take_turn(self, news: TurnUpdate) -> TurnUpdate:
        """Return what is new in the update, with text that is safe to show."""
        was_late = self.turn is not None and self.turn.starts_s is not None
        begins = self.turn is None or (was_late and news.starts_s is None)
        told = replace(
            self.text.take(news),
            started=news.started and begins,
            queued=news.queued and not self.queued,
        )
        if self.turn is not None and news.turn != self.turn.turn:
            self.began = self._machine.now()  # the next turn of a session that is followed
        self.turn = news if news.started else self.turn
        self.queued |= news.queued
        if news.upto is not None:
            self.upto = (news.turn, *news.upto)
        return told
