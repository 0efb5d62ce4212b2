"""What is known of agents' sessions and their turns, as data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from dxansible.record import FanoutOutcome, Truncation, TurnRecord
from dxansible.redact import redact

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CleanResult", "SessionInfo", "TurnResult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnResult(TurnRecord):
    """What became of one turn of a session."""

    @property
    def running(self) -> bool:
        """The VM has the task, and works on it."""
        return self.outcome is None

    @property
    def exit_code_of_call(self) -> int:
        """What the process exits with for this result alone."""
        return 0 if self.outcome is None else self.outcome.exit_code

    def to_dict(self) -> dict[str, object]:
        """Return what JSON can hold."""
        document: dict[str, object] = asdict(self)
        document["state"] = "running" if self.outcome is None else "ended"
        document["left_out"] = [asdict(each) for each in self.left_out]
        if self.changes is not None:
            document["changes"] = asdict(self.changes) | {"no_changes": self.changes.nothing}
        return document


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionInfo:
    """One session as its VM lists it: an agent's with its last turn, or a command.

    `asks`: it succeeded, and the agent's last message ends with a question.
    `age_s` is seconds since it began, `idle_s` since its last output, or since its end. `task` is
    the last task, or the command. `started_for` is the name that the VM had where it was started,
    None if that is not known. A command has neither turns nor an agent.
    """

    host: str
    session_id: str
    state: str
    turn: int
    turns: int
    agent: str | None
    outcome: FanoutOutcome | None
    reason: str | None
    error: str | None
    exit_code: int | None
    age_s: int | None
    idle_s: int | None
    task: str | None
    beads: str | None
    repo: str | None
    asks: bool = False
    first_task: str | None = None
    kind: str = "agent"
    """Or `command`."""
    started_for: str | None = None
    truncation: Truncation = field(default_factory=Truncation)
    """What the VM has not kept of the last turn's output."""

    @classmethod
    def of(cls, host: str, record: Mapping[str, object]) -> SessionInfo:
        """Build it from a record of the playbook's."""
        fields = {name: record.get(name) for name in cls.__dataclass_fields__}
        fields |= {"host": host, "session_id": str(record["session"])}
        fields["asks"] = bool(record.get("asks"))
        fields["kind"] = record.get("kind", "agent")
        outcome = record.get("outcome")
        fields["outcome"] = FanoutOutcome(str(outcome)) if outcome else None
        error = record.get("error")
        fields["error"] = redact(str(error)) if error else None
        fields["truncation"] = Truncation(**record.get("truncation") or {})  # type: ignore[arg-type] # likewise
        return cls(**fields)  # type: ignore[arg-type] # our own playbook's record

    @property
    def ended(self) -> bool:
        """No turn of it is running."""
        return self.outcome is not None

    def to_dict(self) -> dict[str, object]:
        """Return what JSON can hold."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanResult:
    """What was removed on a host; ``kept`` has the reason for each name that was not.

    A dry run removes nothing; `removable` are the names that would go.
    """

    host: str
    removed: tuple[str, ...]
    kept: Mapping[str, str]
    error: str | None = None
    removable: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Return what JSON can hold."""
        return {
            "host": self.host,
            "removed": list(self.removed),
            "removable": list(self.removable),
            "kept": dict(self.kept),
            "error": self.error,
        }
