"""Agents' sessions and their turns, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dxansible.record import Document, FanoutOutcome, Truncation, TurnRecord, read
from dxansible.redact import redact

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CleanResult", "SessionInfo", "TurnResult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnResult(TurnRecord):
    """The result of one turn of a session."""

    @property
    def running(self) -> bool:
        """Whether the VM is still working on the task."""
        return self.outcome is None

    @property
    def exit_code_of_call(self) -> int:
        """The exit code of the process for this result alone."""
        return 0 if self.outcome is None else self.outcome.exit_code

    def to_dict(self) -> dict[str, object]:
        """Return a dict for JSON."""
        document = TurnRecord.to_dict(self) | {"state": "running" if self.running else "ended"}
        if self.changes is not None:
            document["changes"] = self.changes.to_dict() | {"no_changes": self.changes.nothing}
        return document


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionInfo(Document):
    """One session as its VM lists it: an agent's with its last turn, or a command.

    `asks`: it succeeded, and the agent's last message ends with a question. `age_s` is seconds
    since it began, `idle_s` since its last output, or since its end. `task` is the last task, or
    the command. `started_for` is the VM's name in the inventory that started the session, None if
    unknown. A command has neither turns nor an agent.
    """

    host: str
    session_id: str
    state: str
    turn: int = 0
    turns: int = 0
    agent: str | None = None
    outcome: FanoutOutcome | None = None
    reason: str | None = None
    error: str | None = None
    exit_code: int | None = None
    age_s: int | None = None
    idle_s: int | None = None
    task: str | None = None
    beads: str | None = None
    repo: str | None = None
    asks: bool = False
    first_task: str | None = None
    kind: str = "agent"
    """Or `command`."""
    started_for: str | None = None
    truncation: Truncation = field(default_factory=Truncation)
    """Output of the last turn that the VM has not kept."""

    @classmethod
    def of(cls, host: str, record: Mapping[str, object]) -> SessionInfo:
        """Build it from a playbook's record."""
        error = redact(str(record["error"])) if record.get("error") else None
        return read(cls, record, host=host, session_id=record["session"], error=error)

    @property
    def ended(self) -> bool:
        """Whether no turn of it is running."""
        return self.outcome is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanResult(Document):
    """The sessions removed on a host; ``kept`` has the reason for each that was not.

    A dry run removes nothing; `removable` are the names that would go.
    """

    host: str
    removed: tuple[str, ...] = ()
    removable: tuple[str, ...] = ()
    kept: dict[str, str] = field(default_factory=dict)
    error: str | None = None
