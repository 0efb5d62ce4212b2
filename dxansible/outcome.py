"""Results of commands and preflights, as data; the JSON documents are made from them."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dxansible.record import Document, FanoutOutcome, HostRecord, PreflightStatus, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "FanoutResult",
    "HostMapping",
    "PreflightResult",
    "worst",
    "worst_exit_code",
]


_USAGE = 2


def worst(outcomes: Iterable[FanoutOutcome]) -> FanoutOutcome:
    """Return the outcome that a run over many hosts reports.

    Raises ValueError if there is none: silence is never success.
    """
    found = list(outcomes)
    if not found:
        raise ValueError("no outcome at all: nothing has run, which is not a success")
    return max(found, key=lambda outcome: outcome.exit_code)


def worst_exit_code(results: Sequence[FanoutResult]) -> int:
    """Return the exit code of a run over many hosts: that of the worst outcome.

    It is 2, as for any usage error, if an id was refused because it belongs to another command, and
    nothing has run on any host.
    """
    refused = [result for result in results if result.reason is Reason.ID_CONFLICT]
    unrun = [each for each in results if each.outcome is FanoutOutcome.PREFLIGHT_FAILED]
    if refused and len(refused) + len(unrun) == len(results):
        return _USAGE
    return worst(result.outcome for result in results).exit_code


@dataclass(frozen=True, slots=True, kw_only=True)
class FanoutResult(HostRecord):
    """One host's result of one command: its record and its output."""

    outcome: FanoutOutcome
    reason: Reason | PreflightStatus
    command_summary: str = ""
    stdout_bytes: bytes = field(default=b"", repr=False)
    stderr_bytes: bytes = field(default=b"", repr=False)
    attached: bool = False
    """An earlier call started the command under this id, and this one has run nothing."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
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


def _text(stream: bytes) -> str:
    return stream.decode("utf-8", errors="replace")
