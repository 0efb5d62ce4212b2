"""The events of ``--jsonl`` and DX_EVENTS, as data; schemas/event.json is made from them.

The docstring of a class describes its event there, and that of a field the field.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from dxansible.record import Document, FanoutOutcome, PreflightStatus
from dxansible.states import HostState

__all__ = [
    "EVENT_KINDS",
    "EndedEvent",
    "ErrorEvent",
    "EventKind",
    "HostsEvent",
    "OutputEvent",
    "PreflightEvent",
    "Problem",
    "RetryEvent",
    "State",
    "StateEvent",
    "Stream",
    "SummaryEvent",
]

State = Literal[
    HostState.FOUND,
    HostState.WAITING,
    HostState.SCHEDULED,
    HostState.QUEUED,
    HostState.STARTED,
    HostState.RUNNING,
]
Stream = Literal["stdout", "stderr"]


class EventKind(Document):
    """Base class of the events' own fields; ``name`` is the word in the field ``event``."""

    name: ClassVar[str]


class HostsEvent(EventKind):
    """The hosts of the call are known."""

    name = "hosts"
    hosts: tuple[str, ...]


class PreflightEvent(EventKind):
    """A host was checked."""

    name = "preflight"
    host: str
    session_id: str | None
    status: PreflightStatus
    user: str | None
    auth_mode: str | None
    attempts: int
    duration_ms: int
    error: str | None
    """Says what is wrong and what to do; null if the status is OK."""
    warning: str | None
    """A warning about ssh."""


class StateEvent(EventKind):
    """A host's work has another state.

    `found`: the host is in the inventory, and the session has an id. `waiting`: the host can't be
    reached; the work starts when the host answers, if that is by `until`. `scheduled`: the VM
    starts the work at `until`. `queued`: behind a turn of its session. `started`: the VM has the
    work. `running`: the work continues, and this call no longer watches.
    """

    name = "state"
    host: str
    session_id: str | None
    state: State
    turn: int | None = None
    """The number of an agent's turn; null for a command."""
    agent: str | None = None
    attached: bool = False
    """An earlier call started the command under this id."""
    until: float | None = None
    """When a wait ends, or the work starts, in seconds since 1970; null for other states."""


class RetryEvent(EventKind):
    """A connection attempt has failed, and another follows."""

    name = "retry"
    host: str
    session_id: str | None
    attempt: int
    """The number of the attempt that failed."""
    error: str


class OutputEvent(EventKind):
    """New output of a host. The texts of a stream, one after the other, are the whole stream."""

    name = "output"
    host: str
    stream: Stream
    text: str
    """Bytes that are not UTF-8 are U+FFFD here. A character is never split over two events."""
    skipped: int = 0
    """Bytes of the stream that are missing before the text."""
    base64: str | None = None
    """The exact bytes; only where the text loses some."""

    def to_dict(self) -> dict[str, object]:
        """Return a dict for JSON, with `base64` only where the text loses bytes."""
        document = EventKind.to_dict(self)
        if self.base64 is None:
            del document["base64"]
        return document


class EndedEvent(EventKind):
    """The work on a host has ended."""

    name = "ended"
    host: str
    result: dict[str, object]
    """The result as in the document of `--json`, without the output."""


class SummaryEvent(EventKind):
    """The call is over: the last event of a call that was not refused."""

    name = "summary"
    outcome: FanoutOutcome | None
    """The worst outcome; null while a host's work goes on."""
    exit_code: int
    outcomes: dict[str, int]
    """The number of hosts with each outcome."""
    running: int
    """Hosts whose work goes on."""


class Problem(Document):
    """Why there is no result."""

    type: str
    message: str
    remedy: str


class ErrorEvent(EventKind):
    """The call has no result: its last event."""

    name = "error"
    exit_code: int
    error: Problem


EVENT_KINDS: tuple[type[EventKind], ...] = (
    HostsEvent,
    PreflightEvent,
    StateEvent,
    RetryEvent,
    OutputEvent,
    EndedEvent,
    SummaryEvent,
    ErrorEvent,
)
