"""What became of a command, a preflight or a host, as data.

`FanoutOutcome` and `PreflightStatus` keep the words of the specification; the JSON document and the
exit code are both derived from them.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "FanoutOutcome",
    "FanoutResult",
    "HostMapping",
    "PreflightResult",
    "PreflightStatus",
    "Reason",
    "Truncation",
    "worst",
    "worst_exit_code",
]


class FanoutOutcome(StrEnum):
    """The five terminal states; SUCCESS needs positive evidence."""

    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    TIMEOUT = "TIMEOUT"
    ABORTED = "ABORTED"
    PREFLIGHT_FAILED = "PREFLIGHT_FAILED"

    @property
    def exit_code(self) -> int:
        """What the process exits with; the worse the outcome, the higher."""
        return _EXIT_CODES[self]


_EXIT_CODES = {
    FanoutOutcome.SUCCESS: 0,
    FanoutOutcome.FAILURE: 1,
    FanoutOutcome.PREFLIGHT_FAILED: 3,
    FanoutOutcome.TIMEOUT: 124,
    FanoutOutcome.ABORTED: 130,
}
_USAGE = 2


def worst(outcomes: Iterable[FanoutOutcome]) -> FanoutOutcome:
    """Return the one that a run over many hosts reports.

    Raises ValueError where there is none: silence is never success.
    """
    found = list(outcomes)
    if not found:
        message = "no outcome at all: nothing has run, which is not a success"
        raise ValueError(message)
    return max(found, key=lambda outcome: outcome.exit_code)


def worst_exit_code(results: Sequence[FanoutResult]) -> int:
    """What the process exits with after a run over many hosts.

    That of the worst outcome; but 2, as for any usage error, where an id was refused as another
    command's and nothing has run on any host.
    """
    refused = [result for result in results if result.reason is Reason.ID_CONFLICT]
    unrun = [each for each in results if each.outcome is FanoutOutcome.PREFLIGHT_FAILED]
    if refused and len(refused) + len(unrun) == len(results):
        return _USAGE
    return worst(result.outcome for result in results).exit_code


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
class FanoutResult:
    """What one host did with one command.

    `exit_code` is None where the command did not run to an exit of its own. `error` says what
    happened and what to do, and is None on success that nobody wanted to stop. `attempts` counts
    connection attempts. `stop_verified` is None where nothing was to be stopped; `left_running`
    counts processes that the command left behind on purpose. `attached` says that an earlier call
    has started the command under this id, and that this one has run nothing.
    """

    outcome: FanoutOutcome
    reason: Reason | PreflightStatus
    host: str
    user: str | None
    command_summary: str
    attempts: int
    duration_ms: int
    exit_code: int | None = None
    stdout_bytes: bytes = field(default=b"", repr=False)
    stderr_bytes: bytes = field(default=b"", repr=False)
    error: str | None = None
    stop_verified: bool | None = None
    left_running: int = 0
    truncation: Truncation = field(default_factory=Truncation)
    session_id: str | None = None
    attached: bool = False

    @property
    def stdout(self) -> str:
        """Text that can always be encoded again: what is not UTF-8 shows as U+FFFD."""
        return _text(self.stdout_bytes)

    @property
    def stderr(self) -> str:
        """As `stdout`."""
        return _text(self.stderr_bytes)

    def to_dict(self) -> dict[str, object]:
        """Return what JSON can hold, with `stdout_base64` only where the text loses bytes."""
        streams = {"stdout": self.stdout_bytes, "stderr": self.stderr_bytes}
        document: dict[str, object] = asdict(self)
        for name, raw in streams.items():
            del document[f"{name}_bytes"]
            document[name] = _text(raw)
            if _text(raw).encode() != raw:
                document[f"{name}_base64"] = b64encode(raw).decode("ascii")
        return document


@dataclass(frozen=True, slots=True, kw_only=True)
class HostMapping:
    """What the inventory says of a host; None is a value that it does not give.

    `port` is None where it is a template or in a vault, which only a run can tell. `auth_mode` is
    the inventory's own word, which preflight has yet to judge.
    """

    host: str
    address: str
    port: int | None
    user: str | None
    auth_mode: str | None
    aliases: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Return what JSON can hold."""
        return _with_lists(asdict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class PreflightResult:
    """What the checks before the first connection found.

    `user` and `auth_mode` are None where the inventory has none. `error` says what is wrong and
    what to do, and is None when the status is OK. `latency_ms`, `load` (of one minute),
    `running` (of sessions) and what is known of the agent are None without a connection.
    """

    status: PreflightStatus
    host: str
    user: str | None
    auth_mode: str | None
    duration_ms: int
    attempts: int
    error: str | None = None
    latency_ms: int | None = None
    capabilities: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    agent: str | None = None
    agent_found: bool | None = None
    agent_version: str | None = None
    load: float | None = None
    running: int | None = None

    @property
    def ok(self) -> bool:
        """Whether every check that was asked for has passed."""
        return self.status is PreflightStatus.OK

    def to_dict(self) -> dict[str, object]:
        """Return what JSON can hold."""
        return _with_lists(asdict(self))


def _text(stream: bytes) -> str:
    return stream.decode("utf-8", errors="replace")


def _with_lists(document: dict[str, object]) -> dict[str, object]:
    return {
        key: list(value) if isinstance(value, tuple) else value for key, value in document.items()
    }
