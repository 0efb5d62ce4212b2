# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The outcomes of a host, their reasons, and the record that carries them to the caller.

The record goes from the run of a host through the result of its task and ansible-runner's event to
the caller. The Python package has this same file as ``dxansible.record``, so it imports nothing but
the standard library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .evidence import Evidence
from .reading import Word, read
from .value import Value, field

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

__all__ = [
    "Changes",
    "Document",
    "FanoutOutcome",
    "HostRecord",
    "LeftOut",
    "PreflightStatus",
    "Push",
    "Reason",
    "Truncation",
    "TurnRecord",
    "Usage",
    "Verdict",
    "read",
]

_RUNNING = "RUNNING"
"""The outcome in an event while the work goes on."""


class FanoutOutcome(Word):
    """The five terminal states; SUCCESS needs positive evidence."""

    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    TIMEOUT = "TIMEOUT"
    ABORTED = "ABORTED"
    PREFLIGHT_FAILED = "PREFLIGHT_FAILED"

    @property
    def exit_code(self) -> int:
        """The exit code of the process; a worse outcome has a higher one. An unknown one has 1."""
        return _EXIT_CODES.get(self, 1)


_EXIT_CODES = {
    FanoutOutcome.SUCCESS: 0,
    FanoutOutcome.FAILURE: 1,
    FanoutOutcome.PREFLIGHT_FAILED: 3,
    FanoutOutcome.TIMEOUT: 124,
    FanoutOutcome.ABORTED: 130,
}


class PreflightStatus(Word):
    """The first check that failed. TIMEOUT is a check's timeout, not a command's."""

    OK = "OK"
    HOST_UNRESOLVABLE = "HOST_UNRESOLVABLE"
    HOST_UNREACHABLE = "HOST_UNREACHABLE"
    USER_MAPPING_MISSING = "USER_MAPPING_MISSING"
    AUTH_MODE_INVALID = "AUTH_MODE_INVALID"
    TIMEOUT = "TIMEOUT"


class Reason(Word):
    """The reason for an outcome. A failed preflight has its `PreflightStatus` instead."""

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
    USAGE_LIMIT = "usage_limit"
    VERIFY_FAILED = "verify_failed"
    REPO_UNUSABLE = "repo_unusable"
    DIRECTORY_UNUSABLE = "directory_unusable"
    SESSION_BUSY = "session_busy"
    UNKNOWN_SESSION = "unknown_session"
    NO_CONVERSATION = "no_conversation"
    ISSUE_CLAIMED = "issue_claimed"
    CLAIM_LOST = "claim_lost"
    CLAIM_FAILED = "claim_failed"
    NO_CHANGES = "no_changes"
    WORK_LEFT_OUT = "work_left_out"
    COMMIT_FAILED = "commit_failed"
    PUSH_FAILED = "push_failed"
    GITHUB_AUTH = "github_auth"
    GITHUB_LIMIT = "github_limit"
    GITHUB_ERROR = "github_error"
    REVIEWERS_REFUSED = "reviewers_refused"
    LABELS_REFUSED = "labels_refused"
    ISSUE_NOT_CLOSED = "issue_not_closed"
    NO_PULL_REQUEST = "no_pull_request"
    JULES_FAILED = "jules_failed"
    JULES_ERROR = "jules_error"
    JULES_AUTH = "jules_auth"
    JULES_QUOTA = "jules_quota"
    NO_SOURCE = "no_source"
    CREATE_UNCLEAR = "create_unclear"
    NOT_STARTED = "not_started"


class Document(Value):
    """Base class of the values that callers get."""

    def to_dict(self) -> dict[str, object]:
        """Return a dict that JSON can hold."""
        return {name: _plain(value) for name, value in vars(self).items()}


class Truncation(Value):
    """Bytes of each stream that the command wrote and the result lacks."""

    stdout_bytes: int = 0
    stderr_bytes: int = 0
    disk_full: bool = False
    """The VM's disk was full, so more is missing than was counted."""
    expired: bool = False
    """The command ended long ago, and the VM no longer keeps its output."""
    uncounted: bool = False
    """A process that copied output was killed on the VM; what it held is missing, uncounted."""

    @property
    def missing(self) -> int:
        """Missing bytes of both streams, as far as they were counted."""
        return self.stdout_bytes + self.stderr_bytes


class Verdict(Document):
    """The outcome of the work on a host, and its reason."""

    outcome: FanoutOutcome | None = None
    """None while the work goes on."""
    reason: Reason | PreflightStatus | None = None
    """None while the work goes on."""
    error: str | None = None
    """Says what happened and what to do; None on success, except after a late stop."""
    exit_code: int | None = None
    """None if the work did not exit by itself."""
    stop_verified: bool | None = None
    """Whether the processes are known to be gone; None if there was nothing to stop."""
    left_running: int = 0
    """Processes that the work left running on purpose."""
    evidence: Evidence = Evidence.LOST
    """What the verdict was made from; that of an earlier release is LOST."""

    def as_dict(self) -> dict[str, Any]:
        """The fields for an event, as plain values: Ansible refuses enums."""
        outcome = _RUNNING if self.outcome is None else str(self.outcome)
        reason = "running" if self.reason is None else str(self.reason)
        told = {"outcome": outcome, "reason": reason, "evidence": str(self.evidence)}
        return vars(self) | told


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
        """Read it from an event's record. Raises KeyError, TypeError or ValueError."""
        return read(cls, _end(record), host=host)


class Changes(Document):
    """A turn's changes to the session's worktree."""

    commits: int
    files: int = 0
    dirty: bool = False
    head: str | None = None

    @property
    def nothing(self) -> bool:
        """Whether nothing was changed."""
        return not (self.commits or self.files or self.dirty)


class Push(Value):
    """The push of a finalize, and the pull request that `gh` on the VM made of it.

    `host` and `repository` are None for a remote of an unknown kind. `fork` is the owner of the
    fork that was pushed to; None for `origin` itself. `gh` says whether `gh` was used; `note` is
    its error message. `pull_request_origin` is created, found or merged, and None without a `url`.
    """

    branch: str = ""
    base: str = ""
    head: str = ""
    host: str | None = None
    repository: str | None = None
    fork: str | None = None
    gh: str | None = None
    pull_request_origin: str | None = None
    url: str | None = None
    note: str | None = None


class LeftOut(Value):
    """A part of the work that the pull request would lack; the finalize is refused for it.

    `why` is nested_repository, submodule_changes, submodule_unpushed or submodule_unchecked.
    """

    path: str
    why: str


class Usage(Document):
    """Tokens and cost as the agent has told them; None for a number that it did not tell.

    `of` is `turn` or `session`, or `conversation` for numbers of a turn's end that count from the
    conversation's first turn; `cost_of` is the same of the cost. `turns_untold` are turns of a
    session that ended without telling it.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cost_usd: float | None = None
    of: str = "turn"
    cost_of: str = "turn"
    turns_untold: int = 0


class TurnRecord(HostRecord):
    """The end of one turn of a session. Fields that the turn did not reach are None."""

    session_id: str
    turn: int | None = None
    agent: str | None = None
    message: str | None = None
    """The agent's last message; empty if it ended without one."""
    asks: bool = False
    """The turn succeeded, and its last message ends with a question."""
    verify_exit_code: int | None = None
    native_id: str | None = None
    """The agent's own id of the conversation."""
    directory: str | None = None
    branch: str | None = None
    changes: Changes | None = None
    """None without a repository."""
    push: Push | None = None
    """Only for a finalize, like `left_out`."""
    left_out: tuple[LeftOut, ...] = ()
    task_summary: str | None = None
    beads: str | None = None
    usage: Usage | None = None
    """None if the agent told nothing, as for a turn that was stopped."""
    resets_at: int | None = None
    """When the usage limit resets at which the turn ended, in seconds since 1970; None if the
    agent did not say."""

    @classmethod
    def from_event(cls, host: str, record: Mapping[str, Any]) -> Self:
        """Read it from an event's record, like `HostRecord.from_event`."""
        return read(cls, _end(record) | _turn(record), host=host)


def _plain(value: object) -> object:
    if isinstance(value, Value):
        return {name: _plain(each) for name, each in vars(value).items()}
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def _end(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record of a host's end, with our fields' names."""
    told = {"attempts": 1, **record, "session_id": record["id"]}
    lost = {"disk_full": bool(record.get("full")), "uncounted": bool(record.get("torn"))}
    told.setdefault("truncation", lost)
    running = record["outcome"] == _RUNNING
    return told | {"outcome": None, "reason": None} if running else told


def _turn(record: Mapping[str, Any]) -> dict[str, Any]:
    """The further fields of a turn's end, from its record."""
    found, meta = record.get("result") or {}, record.get("meta") or {}
    return {
        **found,
        "turn": record.get("turn") or None,
        "native_id": found.get("native_id") or meta.get("native_id"),
        "changes": None if found.get("commits") is None else found,
        "task_summary": meta.get("task"),
        "beads": meta.get("beads"),
    }
