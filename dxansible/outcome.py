"""What became of a command or a preflight, as data; the JSON documents are made from it."""

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
    """Return the one that a run over many hosts reports.

    Raises ValueError where there is none: silence is never success.
    """
    found = list(outcomes)
    if not found:
        raise ValueError("no outcome at all: nothing has run, which is not a success")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class FanoutResult(HostRecord):
    """What one host did with one command: its record, and its output."""

    outcome: FanoutOutcome
    reason: Reason | PreflightStatus
    command_summary: str = ""
    stdout_bytes: bytes = field(default=b"", repr=False)
    stderr_bytes: bytes = field(default=b"", repr=False)
    attached: bool = False
    """An earlier call has started the command under this id, and this one has run nothing."""

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
        document = HostRecord.to_dict(self)
        for name, raw in streams.items():
            del document[f"{name}_bytes"]
            document[name] = _text(raw)
            if _text(raw).encode() != raw:
                document[f"{name}_base64"] = b64encode(raw).decode("ascii")
        return document


@dataclass(frozen=True, slots=True, kw_only=True)
class HostMapping(Document):
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PreflightResult(Document):
    """What the checks before the first connection found.

    `user` and `auth_mode` are None where the inventory has none. `error` says what is wrong and
    what to do, and is None when the status is OK. `latency_ms`, `load` (of one minute),
    `running` (of sessions) and what is known of the agent are None without a connection.
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
        """Whether every check that was asked for has passed."""
        return self.status is PreflightStatus.OK


def _text(stream: bytes) -> str:
    return stream.decode("utf-8", errors="replace")
