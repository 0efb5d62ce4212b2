"""Turns ansible-runner's raw event dicts into typed events; no dict gets past here.

Our own tasks put a record named ``dx`` into their result. A retry event carries the result of one
try of a task with ``until``: that is how output arrives while a command still runs.
"""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dxansible.outcome import FanoutOutcome, PreflightResult, PreflightStatus, Reason
from dxansible.runner.misconfigured import explain_variable
from dxansible.runner.turn_events import TurnEvent, parse_turn_record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "CommandRuns",
    "Event",
    "HostBroken",
    "HostFound",
    "HostsKnown",
    "PreflightDone",
    "RetryPlanned",
    "StreamNews",
    "Verdict",
    "parse",
]

_RESULT_EVENTS = frozenset(
    {"runner_on_ok", "runner_on_failed", "runner_on_unreachable", "runner_retry"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostsKnown:
    """Ansible has resolved the pattern: these are the hosts of the run, in its order."""

    hosts: tuple[str, ...]
    slack_channel: str | None = None
    """That of the first one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFound:
    """What the inventory says of a host; whether it can be reached is not known yet."""

    host: str
    user: str | None
    auth_mode: str | None
    session_id: str
    slack_channel: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreflightDone:
    """A host has been checked, and reached if anything is to be done there."""

    result: PreflightResult
    session_id: str
    address: str
    port: int | None
    slack_channel: str | None = None
    warning: str | None = None
    """What ssh will do that a person should know, with a remedy."""
    decides: bool = True
    """No outcome follows."""
    misconfigured: bool = False
    """Ansible can't use a variable that the inventory has for the host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamNews:
    """New output of one host.

    ``*_skipped`` bytes before it are gone; ``*_total`` were written so far.
    """

    host: str
    limit: int
    """Bytes of each stream that a result may hold."""
    out: bytes = field(default=b"", repr=False)
    err: bytes = field(default=b"", repr=False)
    out_skipped: int = 0
    err_skipped: int = 0
    out_total: int = 0
    err_total: int = 0
    attached: bool = False
    """Another call has started the command."""
    expired: bool = False
    """What was skipped is no longer kept, as the command ended long ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRuns:
    """The VM was asked, and the command has not ended; its output was not wanted."""

    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPlanned:
    """A connection attempt has failed, and another follows."""

    host: str
    attempt: int
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The last word on a command on one host."""

    host: str
    outcome: FanoutOutcome
    reason: Reason | PreflightStatus
    error: str | None
    exit_code: int | None
    stop_verified: bool | None
    left_running: int
    attempts: int
    duration_ms: int
    session_id: str
    from_stop: bool
    """It answers a request to stop, and not the command's own run."""
    totals: tuple[int, int] | None = None
    """Bytes of both streams that the command wrote; None where the run's own news have them."""
    disk_full: bool = False
    """The VM could not keep all of the output, nor count what it lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostBroken:
    """A task failed on a host without a record of ours: Ansible, or our content, broke."""

    host: str
    text: str


Event = (
    HostsKnown
    | HostFound
    | PreflightDone
    | StreamNews
    | CommandRuns
    | RetryPlanned
    | Verdict
    | HostBroken
    | TurnEvent
)


def parse(raw: Mapping[str, Any]) -> Iterator[Event]:
    """Yield what a raw event says; nothing for the many that don't matter."""
    if raw.get("event") not in _RESULT_EVENTS:
        return
    data = raw.get("event_data") or {}
    host, result = str(data.get("host")), data.get("res") or {}
    record = result.get("dx")
    if not isinstance(record, dict):
        if raw["event"] in {"runner_on_failed", "runner_on_unreachable"}:
            yield _broken(raw, host, str(result.get("msg") or "the task failed"))
        return
    if isinstance(record.get("preflight"), dict):
        yield from _preflight(host, record["preflight"], decides="outcome" not in record)
    match record.get("kind"):
        case "preflight":
            yield from _preflight(host, record)
        case "command":
            yield from _command(host, record)
        case "stop":
            yield _verdict(host, record, from_stop=True)
            yield from parse_turn_record(host, record)
        case _:
            yield from parse_turn_record(host, record)
            yield from _retries(host, record)


def _broken(raw: Mapping[str, Any], host: str, text: str) -> Event:
    explained = explain_variable(raw)
    if explained is None:
        return HostBroken(host=host, text=text)
    result = PreflightResult(
        status=PreflightStatus.USER_MAPPING_MISSING,
        host=host,
        user=None,
        auth_mode=None,
        duration_ms=0,
        attempts=0,
        error=explained,
    )
    return PreflightDone(result=result, session_id="", address="", port=None, misconfigured=True)


def _preflight(host: str, record: Mapping[str, Any], *, decides: bool = True) -> Iterator[Event]:
    if record.get("hosts"):
        yield HostsKnown(
            hosts=tuple(map(str, record["hosts"])), slack_channel=record.get("slack_channel")
        )
    if record["status"] is None:
        yield HostFound(
            host=host,
            user=record["user"],
            auth_mode=record["auth_mode"],
            session_id=str(record["id"]),
            slack_channel=record.get("slack_channel"),
        )
        return
    yield PreflightDone(
        result=PreflightResult(
            status=PreflightStatus(record["status"]),
            host=host,
            user=record["user"],
            auth_mode=record["auth_mode"],
            duration_ms=int(record["duration_ms"]),
            attempts=int(record["attempts"]),
            error=record["error"],
            latency_ms=record["latency_ms"],
            capabilities=tuple(record["capabilities"]),
            aliases=tuple(record["aliases"]),
            agent=record.get("agent"),
            agent_found=record.get("agent_found"),
            agent_version=record.get("agent_version"),
            load=record.get("load"),
            running=record.get("running"),
        ),
        session_id=str(record["id"]),
        address=str(record["address"]),
        port=record["port"],
        slack_channel=record.get("slack_channel"),
        warning=record.get("warning"),
        decides=decides,
    )


def _command(host: str, record: Mapping[str, Any]) -> Iterator[Event]:
    out, err = record.get("out"), record.get("err")
    if out and err:
        yield StreamNews(
            host=host,
            limit=int(record["limit"]),
            out=b64decode(out["data"]),
            err=b64decode(err["data"]),
            out_skipped=int(out["skipped"]),
            err_skipped=int(err["skipped"]),
            out_total=int(out["total"]),
            err_total=int(err["total"]),
            attached=bool(record.get("attached")),
            expired=bool(record.get("expired")),
        )
    yield from _retries(host, record)
    if record.get("done"):
        yield _verdict(host, record, from_stop=False)
    elif not (out or record.get("retry")) and record.get("progress", {}).get("started"):
        yield CommandRuns(host=host)


def _retries(host: str, record: Mapping[str, Any]) -> Iterator[Event]:
    retry = record.get("retry")
    if retry:
        yield RetryPlanned(host=host, attempt=int(retry["attempt"]), error=str(retry["error"]))


def _verdict(host: str, record: Mapping[str, Any], *, from_stop: bool) -> Verdict:
    outcome = FanoutOutcome(record["outcome"])
    reason = str(record["reason"])
    progress = record.get("progress") or {}
    totals = record.get("totals")
    return Verdict(
        host=host,
        outcome=outcome,
        reason=PreflightStatus(reason)
        if outcome is FanoutOutcome.PREFLIGHT_FAILED
        else Reason(reason),
        error=record["error"],
        exit_code=record["exit_code"],
        stop_verified=record["stop_verified"],
        left_running=int(record["left_running"]),
        attempts=int(progress.get("attempts") or 1),
        duration_ms=int(record.get("duration_ms") or 0),
        session_id=str(record["id"]),
        from_stop=from_stop,
        totals=(int(totals[0]), int(totals[1])) if totals else None,
        disk_full=bool(record.get("full")),
    )
