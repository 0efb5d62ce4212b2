"""Turns ansible-runner's raw event dicts into typed events; no dict gets past here.

Our own tasks put a record named ``dx`` into their result. A retry event carries the result of one
try of a task with ``until``: that is how output arrives while a command still runs.
"""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from dxansible.outcome import FanoutResult, PreflightResult
from dxansible.record import HostRecord, PreflightStatus
from dxansible.runner.misconfigured import explain_broken, explain_variable
from dxansible.runner.turn_events import TurnEvent, parse_turn_record
from dxansible.turn import TurnResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "CommandRuns",
    "Event",
    "HostBroken",
    "HostEnded",
    "HostFound",
    "HostsKnown",
    "Observer",
    "OutputReceived",
    "PreflightDone",
    "RetryPlanned",
    "StopAnswered",
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
class OutputReceived:
    """New output of one host.

    ``*_skipped`` bytes before it are gone; ``*_total`` were written so far.
    """

    host: str
    limit: int = 0
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
    session_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostEnded:
    """The last word on a host; of a turn it may be that nothing more is waited for."""

    result: FanoutResult | TurnResult | HostRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class StopAnswered:
    """The answer to a request to stop."""

    result: HostRecord
    totals: tuple[int, int] | None = None
    """Bytes of both streams that a command wrote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostBroken:
    """A task failed on a host without a record of ours: Ansible, or our content, broke."""

    host: str
    text: str


Event = (
    HostsKnown
    | HostFound
    | PreflightDone
    | OutputReceived
    | CommandRuns
    | RetryPlanned
    | HostEnded
    | StopAnswered
    | HostBroken
    | TurnEvent
)


class Observer(Protocol):
    """Is told what happens while a run goes on, from one thread at a time."""

    def handle(self, news: Event) -> None:
        """Do with the event what the observer is for; most don't care about most events."""


def parse(raw: Mapping[str, Any]) -> Iterator[Event]:
    """Yield what a raw event says; nothing for the many that don't matter."""
    if raw.get("event") not in _RESULT_EVENTS:
        return
    data = raw.get("event_data") or {}
    host, result = str(data.get("host")), data.get("res") or {}
    record = result.get("dx")
    if not isinstance(record, dict):
        if raw["event"] in {"runner_on_failed", "runner_on_unreachable"}:
            words = str(result.get("msg") or "the task failed")
            yield _broken(host, words, explain_variable(raw))
        return
    if record.get("kind") == "fleet":
        for news in record["news"]:
            name = str(news["host"])
            if news["kind"] == "broken":
                words = str(news["error"])
                explained = explain_broken(raw, name, news["origins"], words)
                yield _broken(name, words, explained)
            else:
                yield from _record(name, news)
    else:
        yield from _record(host, record)


def _record(host: str, record: Mapping[str, Any]) -> Iterator[Event]:
    if isinstance(record.get("preflight"), dict):
        yield from _preflight(host, record["preflight"], decides="outcome" not in record)
    match record.get("kind"):
        case "hosts":
            hosts = tuple(map(str, record["hosts"]))
            yield HostsKnown(hosts=hosts, slack_channel=record["slack_channel"])
        case "preflight":
            yield from _preflight(host, record)
        case "command":
            yield from _command(host, record)
        case "stop":
            yield _answer(host, record)
            yield from parse_turn_record(host, record)
        case _:
            yield from parse_turn_record(host, record)
            if record.get("kind") == "turn" and record.get("done"):
                yield HostEnded(result=TurnResult.from_event(host, record))
            yield from _retries(host, record)


def _broken(host: str, text: str, explained: str | None) -> Event:
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
        yield OutputReceived(
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
        yield HostEnded(result=FanoutResult.from_event(host, record))
    elif not (out or record.get("retry")) and record.get("started"):
        yield CommandRuns(host=host)


def _retries(host: str, record: Mapping[str, Any]) -> Iterator[Event]:
    retry = record.get("retry")
    if retry:
        yield RetryPlanned(host=host, attempt=int(retry["attempt"]), error=str(retry["error"]))


def _answer(host: str, record: Mapping[str, Any]) -> StopAnswered:
    totals = record.get("totals")
    return StopAnswered(
        result=HostRecord.from_event(host, record),
        totals=(int(totals[0]), int(totals[1])) if totals else None,
    )
