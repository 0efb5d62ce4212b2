"""Results of commands, turns, checks and listings, as data; JSON documents are made from them."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from dxansible.record import (
    Document,
    FanoutOutcome,
    HostRecord,
    PreflightStatus,
    Reason,
    Truncation,
    TurnRecord,
    Usage,
    read,
)
from dxansible.redact import redact
from dxansible.states import HostState
from dxansible.value import field

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "INCOMPLETE",
    "CleanResult",
    "FanoutResult",
    "HostMapping",
    "PreflightResult",
    "SessionInfo",
    "TurnResult",
    "code_of_ends",
    "counted",
    "exit_code",
    "worst",
]

_USAGE = 2
_TEXTS = ("agent", "beads", "error", "first_task", "message", "repo", "started_for", "task")
"""Fields of a session that are texts."""
INCOMPLETE = 4
"""Exit code: every outcome is a success, but output that was wanted is missing."""


def worst(outcomes: Iterable[FanoutOutcome]) -> FanoutOutcome:
    """Return the outcome that a run over many hosts reports.

    Raises ValueError if there is none: silence is never success.
    """
    found = list(outcomes)
    if not found:
        raise ValueError("no outcome at all: nothing has run, which is not a success")
    return max(found, key=lambda outcome: outcome.exit_code)


def counted(ends: Iterable[tuple[FanoutOutcome | None, str | None]]) -> list[FanoutOutcome]:
    """Return the outcomes that decide on a run, from the hosts' outcomes and reasons.

    Hosts that were left out, because of ``--max-fail``, don't count beside those that failed.
    """
    ended = [(outcome, reason) for outcome, reason in ends if outcome is not None]
    begun = [
        outcome
        for outcome, reason in ended
        if (outcome, reason) != (FanoutOutcome.ABORTED, Reason.NOT_STARTED)
    ]
    failed = any(outcome is not FanoutOutcome.SUCCESS for outcome in begun)
    return begun if failed else [outcome for outcome, _ in ended]


def exit_code(
    results: Sequence[FanoutResult | TurnResult],
    *,
    detached: bool = False,
    may_be_cut: bool = False,
) -> int:
    """Return the exit code of a call: that of `code_of_ends`, or INCOMPLETE.

    It is 130 if the call was ``detached`` before an end.
    ``may_be_cut``: output beyond a limit is not missing, only what was lost uncounted.
    """
    ends = [(each.outcome, each.reason) for each in results]
    if detached and any(outcome is None for outcome, _ in ends):
        return FanoutOutcome.ABORTED.exit_code
    lost = [each.truncation for each in results if each.truncation.missing and not may_be_cut]
    full = any(each.truncation.disk_full or each.truncation.uncounted for each in results)
    return code_of_ends(ends) or (INCOMPLETE if lost or full else 0)


def code_of_ends(ends: Sequence[tuple[FanoutOutcome | None, str | None]]) -> int:
    """Return the exit code for the hosts' outcomes and reasons: that of the worst outcome.

    It is 2, as for any usage error, if an id was refused because it belongs to another command,
    and nothing has run on any host. It is 0 if no host has an outcome yet.
    """
    refused = sum(reason == Reason.ID_CONFLICT for _, reason in ends)
    unrun = sum(outcome is FanoutOutcome.PREFLIGHT_FAILED for outcome, _ in ends)
    if refused and refused + unrun == len(ends):
        return _USAGE
    deciding = counted(ends)
    return 0 if ends and not deciding else worst(deciding).exit_code


class FanoutResult(HostRecord):
    """One host's result of one command: its record and its output.

    `outcome` is None only of a command that starts later, in `starts_s` seconds.
    """

    command_summary: str = ""
    stdout_bytes: bytes = field(default=b"", repr=False)
    stderr_bytes: bytes = field(default=b"", repr=False)
    attached: bool = False
    """An earlier call started the command under this id, and this one has run nothing."""
    starts_s: int | None = None

    @property
    def stdout(self) -> str:
        """Standard output as text; bytes that are not UTF-8 become U+FFFD."""
        return _text(self.stdout_bytes)

    @property
    def stderr(self) -> str:
        """Standard error as text, decoded like `stdout`."""
        return _text(self.stderr_bytes)

    def to_dict(self) -> dict[str, object]:
        """Return a dict for JSON, with `stdout_base64` only where the text loses bytes."""
        streams = {"stdout": self.stdout_bytes, "stderr": self.stderr_bytes}
        document = HostRecord.to_dict(self)
        for name, raw in streams.items():
            del document[f"{name}_bytes"]
            document[name] = _text(raw)
            if _text(raw).encode() != raw:
                document[f"{name}_base64"] = b64encode(raw).decode("ascii")
        return document


class HostMapping(Document):
    """A host's entry in the inventory; None is a value that the inventory does not give.

    `port` is None if it is a template or in a vault, which only a run can resolve. `auth_mode` is
    the inventory's value; preflight has not checked it.
    """

    host: str
    address: str
    port: int | None
    user: str | None
    auth_mode: str | None
    aliases: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()


class PreflightResult(Document):
    """The result of the checks before the first command.

    `user` and `auth_mode` are None if the inventory has none. `error` says what is wrong and what
    to do, and is None if the status is OK. `latency_ms`, `load` (1-minute average), `running`
    (number of sessions) and the agent's fields are None without a connection.
    """

    status: PreflightStatus
    host: str
    user: str | None = None
    auth_mode: str | None = None
    duration_ms: int = 0
    attempts: int = 0
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
        """Whether every requested check has passed."""
        return self.status is PreflightStatus.OK


class TurnResult(TurnRecord):
    """The result of one turn of a session."""

    starts_s: int | None = None
    """Seconds until a turn starts that has no outcome yet, and does not run."""

    @property
    def running(self) -> bool:
        """Whether the VM is still working on the task, or starts it later."""
        return self.outcome is None

    def to_dict(self) -> dict[str, object]:
        """Return a dict for JSON."""
        goes_on = HostState.RUNNING if self.starts_s is None else HostState.SCHEDULED
        state = goes_on if self.running else HostState.ENDED
        document = TurnRecord.to_dict(self) | {"state": state.value}
        if self.changes is not None:
            document["changes"] = self.changes.to_dict() | {"no_changes": self.changes.nothing}
        if self.push is not None:  # schema 1 has both names
            came = {"came": self.push.pull_request_origin}
            document["push"] = vars(self.push) | came
        return document


class SessionInfo(Document):
    """One session as its VM lists it: an agent's with its last turn, or a command.

    `asks`: it succeeded, and the agent's last message ends with a question. `message` is the
    last line of that message without secrets, None where the listing does not have it; of a turn
    that runs, the last line of what is shown of it, if that was asked for. `age_s` is
    seconds since it began, `idle_s` since its last output, or since its end. `task` is the last
    task, or the command. `started_for` is the VM's name in the inventory that started the session,
    None if unknown. A command has neither turns nor an agent.
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
    message: str | None = None
    first_task: str | None = None
    kind: str = "agent"
    """Or `command`."""
    gives_up_s: int | None = None
    """Seconds until the call that waits for the host gives up; only in the state `waiting`."""
    starts_s: int | None = None
    """Seconds until it starts; only in the state `scheduled`."""
    usage: Usage | None = None
    """The sum over its turns; None if no turn has told it."""
    resets_at: int | None = None
    """When the usage limit resets at which the last turn ended, in seconds since 1970."""
    resumes_s: int | None = None
    """Seconds until its turn goes on; only in the state `limited`."""
    started_for: str | None = None
    truncation: Truncation = field(default_factory=Truncation)
    """Output of the last turn that the VM has not kept."""

    @classmethod
    def of(cls, host: str, record: Mapping[str, object]) -> SessionInfo:
        """Build it from a playbook's record."""
        # the record of a damaged session may have anything where a text should be
        texts = {name: str(record[name]) for name in _TEXTS if record.get(name)}
        texts |= {name: redact(texts[name]) for name in ("error", "message") if name in texts}
        return read(cls, record, host=host, session_id=record["session"], **texts)

    @property
    def ended(self) -> bool:
        """Whether no turn of it is running."""
        return self.outcome is not None


class CleanResult(Document):
    """The sessions removed on a host; ``kept`` has the reason for each that was not.

    A dry run removes nothing; `removable` are the names that would go.
    """

    host: str
    removed: tuple[str, ...] = ()
    removable: tuple[str, ...] = ()
    kept: dict[str, str] = field(default_factory=dict)
    error: str | None = None


def _text(stream: bytes) -> str:
    return stream.decode("utf-8", errors="replace")
