# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What became of a host: the outcomes, their reasons, and the record in which they travel.

The record goes from the run of a host through the result of its task and ansible-runner's event to
the caller. The Python package has this same file as ``dxansible.record``, so it imports nothing but
the standard library.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

__all__ = [
    "Changes",
    "FanoutOutcome",
    "HostRecord",
    "LeftOut",
    "PreflightStatus",
    "Push",
    "Reason",
    "Truncation",
    "TurnRecord",
    "Verdict",
]

_RUNNING = "RUNNING"
"""The outcome, in an event, of work that goes on."""


class FanoutOutcome(StrEnum):
    """The five terminal states; SUCCESS needs positive evidence."""

    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    TIMEOUT = "TIMEOUT"
    ABORTED = "ABORTED"
    PREFLIGHT_FAILED = "PREFLIGHT_FAILED"

    @property
    def exit_code(self) -> int:
        """The exit code of the process; the worse the outcome, the higher."""
        return _EXIT_CODES[self]


_EXIT_CODES = {
    FanoutOutcome.SUCCESS: 0,
    FanoutOutcome.FAILURE: 1,
    FanoutOutcome.PREFLIGHT_FAILED: 3,
    FanoutOutcome.TIMEOUT: 124,
    FanoutOutcome.ABORTED: 130,
}


class PreflightStatus(StrEnum):
    """The first check that failed; TIMEOUT is that of the checks, not of a command."""

    OK = "OK"
    HOST_UNRESOLVABLE = "HOST_UNRESOLVABLE"
    HOST_UNREACHABLE = "HOST_UNREACHABLE"
    USER_MAPPING_MISSING = "USER_MAPPING_MISSING"
    AUTH_MODE_INVALID = "AUTH_MODE_INVALID"
    TIMEOUT = "TIMEOUT"


class Reason(StrEnum):
    """Why an outcome is what it is; a failed preflight has its `PreflightStatus` instead."""

    OK = "ok"
    EXIT_NONZERO = "exit_nonzero"
    SIGNALLED = "signalled"
    AUTH_FAILED = "auth_failed"
    HOST_KEY = "host_key"
    ID_CONFLICT = "id_conflict"
    LOST = "lost"
    LOST_CONTACT = "lost_contact"
    VM_ERROR = "vm_error"
    DEADLINE = "deadline"
    ABORTED = "aborted"
    IDLE = "idle"
    AGENT_INVALID = "agent_invalid"
    AGENT_MISSING = "agent_missing"
    AGENT_ERROR = "agent_error"
    NO_END_OF_TURN = "no_end_of_turn"
    NEEDS_INPUT = "needs_input"
    VERIFY_FAILED = "verify_failed"
    REPO_UNUSABLE = "repo_unusable"
    DIRECTORY_UNUSABLE = "directory_unusable"
    SESSION_BUSY = "session_busy"
    UNKNOWN_SESSION = "unknown_session"
    NO_CONVERSATION = "no_conversation"
    NO_CHANGES = "no_changes"
    WORK_LEFT_OUT = "work_left_out"
    COMMIT_FAILED = "commit_failed"
    PUSH_FAILED = "push_failed"
    GITHUB_AUTH = "github_auth"
    GITHUB_LIMIT = "github_limit"
    GITHUB_ERROR = "github_error"
    REVIEWERS_REFUSED = "reviewers_refused"
    NO_PULL_REQUEST = "no_pull_request"
    JULES_FAILED = "jules_failed"
    JULES_ERROR = "jules_error"
    JULES_AUTH = "jules_auth"
    JULES_QUOTA = "jules_quota"
    NO_SOURCE = "no_source"
    CREATE_UNCLEAR = "create_unclear"


@dataclass(frozen=True, slots=True, kw_only=True)
class Truncation:
    """How many bytes of each stream were written by the command but are not in the result."""

    stdout_bytes: int = 0
    stderr_bytes: int = 0
    disk_full: bool = False
    """The VM's disk was full, so more is missing than was counted."""
    expired: bool = False
    """The command ended long ago, and the VM no longer keeps its output."""

    @property
    def missing(self) -> int:
        """Bytes of both streams that were counted."""
        return self.stdout_bytes + self.stderr_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was decided about the work on a host."""

    outcome: FanoutOutcome | None
    """None while the work goes on."""
    reason: Reason | PreflightStatus | None
    """None where the outcome is."""
    error: str | None = None
    """What happened and what to do; None on a success that nobody wanted to stop."""
    exit_code: int | None = None
    """None where the work did not come to an exit of its own."""
    stop_verified: bool | None = None
    """Whether the processes are known to be gone; None where nothing was to be stopped."""
    left_running: int = 0
    """Processes that the work left behind on purpose."""

    def as_dict(self) -> dict[str, Any]:
        """The fields, for the event: plain values, since Ansible refuses enums."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        outcome = _RUNNING if self.outcome is None else str(self.outcome)
        reason = "running" if self.reason is None else str(self.reason)
        return values | {"outcome": outcome, "reason": reason}


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRecord(Verdict):
    """The end of the work on one host."""

    host: str
    user: str | None = None
    session_id: str | None = None
    attempts: int = 0
    """Connection attempts."""
    duration_ms: int = 0
    truncation: Truncation = field(default_factory=Truncation)
    """Output that is missing."""

    @classmethod
    def from_event(cls, host: str, record: Mapping[str, Any]) -> Self:
        """Read it back. Raises KeyError or ValueError for what is no record of ours."""
        return cls(**_end(host, record))


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

    branch: str = ""
    base: str = ""
    head: str = ""
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
class TurnRecord(HostRecord):
    """The end of one turn of a session; what the turn did not come to is None."""

    session_id: str
    turn: int | None = None
    agent: str | None = None
    message: str | None = None
    """The agent's last message; empty where it ended without one."""
    asks: bool = False
    """A success that ends with a question."""
    verify_exit_code: int | None = None
    native_id: str | None = None
    """The agent's own id of the conversation."""
    directory: str | None = None
    branch: str | None = None
    changes: Changes | None = None
    """None without a repository."""
    push: Push | None = None
    """Of a finalize, as is `left_out`."""
    left_out: tuple[LeftOut, ...] = ()
    task_summary: str | None = None
    beads: str | None = None

    @classmethod
    def from_event(cls, host: str, record: Mapping[str, Any]) -> Self:
        """As of a `HostRecord`."""
        return cls(**_end(host, record), **_turn(record))


def _end(host: str, record: Mapping[str, Any]) -> dict[str, Any]:
    running = record["outcome"] == _RUNNING
    cut = Truncation(**record.get("truncation") or {"disk_full": bool(record.get("full"))})
    return {
        "host": host,
        "session_id": str(record["id"]),
        "outcome": None if running else FanoutOutcome(record["outcome"]),
        "reason": None if running else _reason(str(record["reason"])),
        "error": record["error"],
        "exit_code": record["exit_code"],
        "stop_verified": record["stop_verified"],
        "left_running": int(record["left_running"]),
        "attempts": int(record.get("attempts") or 1),
        "duration_ms": int(record.get("duration_ms") or 0),
        "truncation": cut,
    }


def _reason(word: str) -> Reason | PreflightStatus:
    return PreflightStatus(word) if word in set(PreflightStatus) else Reason(word)


def _turn(record: Mapping[str, Any]) -> dict[str, Any]:
    found, meta = record.get("result") or {}, record.get("meta") or {}
    left_out = found.get("left_out") or []
    return {
        "turn": int(record.get("turn") or 0) or None,
        "agent": record.get("agent"),
        "message": found.get("message"),
        "asks": bool(record.get("asks")),
        "verify_exit_code": found.get("verify_exit_code"),
        "native_id": found.get("native_id") or meta.get("native_id"),
        "directory": found.get("directory"),
        "branch": found.get("branch"),
        "changes": _changes(found),
        "push": _push(found.get("push")),
        "left_out": tuple(LeftOut(path=str(x["path"]), why=str(x["why"])) for x in left_out),
        "task_summary": meta.get("task"),
        "beads": meta.get("beads"),
    }


def _changes(found: Mapping[str, Any]) -> Changes | None:
    if found.get("commits") is None:
        return None
    return Changes(
        commits=int(found["commits"]),
        files=int(found.get("files") or 0),
        dirty=bool(found.get("dirty")),
        head=found.get("head"),
    )


def _push(found: Mapping[str, Any] | None) -> Push | None:
    names = [each.name for each in fields(Push)]
    known = {name: str(found[name]) for name in names if found and found.get(name) is not None}
    return Push(**known) if found else None
