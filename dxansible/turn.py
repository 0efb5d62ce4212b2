"""What is known of agents' sessions and their turns, as data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from dxansible.outcome import FanoutOutcome, PreflightStatus, Reason, Truncation
from dxansible.redact import redact

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Changes", "CleanResult", "LeftOut", "Push", "SessionInfo", "TurnResult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a turn did to the session's worktree."""

    commits: int
    files: int
    dirty: bool
    head: str | None

    @property
    def nothing(self) -> bool:
        """Nothing was changed."""
        return not (self.commits or self.files or self.dirty)


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """What a finalize has pushed, and what `gh` on the VM has made of it.

    `host` and `repository` are None where the remote is of no known kind. `gh` says whether it was
    used; `note` has its complaint. `came` is created, found or merged, and None without a `url`.
    """

    branch: str
    base: str
    head: str
    host: str | None = None
    repository: str | None = None
    gh: str | None = None
    came: str | None = None
    url: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A part of the work that the pull request would not have, for which it is refused.

    `why` is nested_repository, submodule_changes, submodule_unpushed or submodule_unchecked.
    """

    path: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnResult:
    """What became of one turn of a session.

    `outcome` is None while it runs. `error` says what happened and what to do, and is None on
    success. `message` is the agent's last message, and empty where it ended without one; `asks`
    says that a success ends with a question. `directory`, `branch` and `changes` are None
    where the turn did not come so far, and `changes` where there is no repository. `push` is that
    of a finalize, and so is `left_out`. `truncation` is what the VM has not kept of the turn's
    output.
    """

    host: str
    session_id: str
    user: str | None
    outcome: FanoutOutcome | None
    reason: Reason | PreflightStatus | None
    turn: int | None = None
    agent: str | None = None
    error: str | None = None
    message: str | None = None
    asks: bool = False
    exit_code: int | None = None
    verify_exit_code: int | None = None
    stop_verified: bool | None = None
    left_running: int = 0
    truncation: Truncation = field(default_factory=Truncation)
    native_id: str | None = None
    directory: str | None = None
    branch: str | None = None
    changes: Changes | None = None
    push: Push | None = None
    left_out: tuple[LeftOut, ...] = ()
    task_summary: str | None = None
    beads: str | None = None
    attempts: int = 0
    duration_ms: int = 0

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
