"""Turns ansible-runner's raw event dicts into typed events; no dict gets past here.

Our own tasks put a record named ``dx`` into their result. A retry event carries the result of a
try of a task with ``until``: output of a running command.
"""

from __future__ import annotations

import time
from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from dxansible.errors import InventoryError
from dxansible.record import HostRecord, PreflightStatus, read
from dxansible.results import FanoutResult, PreflightResult, TurnResult
from dxansible.run.misconfigured import explain_variable
from dxansible.run.turn_events import TurnEvent, TurnUpdate, parse_turn_news
from dxansible.value import Value, field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dxansible.run.host_moves import HostMoves
    from dxansible.states import HostState

__all__ = [
    "BatchBegins",
    "CommandRuns",
    "Event",
    "HostBroken",
    "HostEnded",
    "HostFound",
    "HostMoved",
    "HostWaits",
    "HostsKnown",
    "Observer",
    "OutputReceived",
    "PreflightDone",
    "Receiver",
    "RetryPlanned",
    "StopAnswered",
    "TooManyHosts",
    "parse",
]

_RESULT_EVENTS = frozenset(
    {"runner_on_ok", "runner_on_failed", "runner_on_unreachable", "runner_retry"}
)


class HostsKnown(Value):
    """Ansible has resolved the pattern to these hosts, in its order."""

    hosts: tuple[str, ...]
    slack_channel: str | None = None  # the first host's


class TooManyHosts(Value):
    """The pattern has more hosts than the call allows, so nothing was started."""

    hosts: tuple[str, ...]


class BatchBegins(Value):
    """The next hosts of a run in batches may have the command from now on."""

    hosts: tuple[str, ...]


class HostFound(Value):
    """A host's inventory entry; it is not known yet whether the host can be reached."""

    host: str
    session_id: str
    user: str | None = None
    slack_channel: str | None = None


class PreflightDone(Value):
    """A host has been checked; it was also reached if anything is to be done there."""

    result: PreflightResult
    session_id: str = ""
    slack_channel: str | None = None
    user_from: str | None = None  # "ssh_config", if not the inventory
    warning: str | None = None
    """A warning about ssh for the user, with a remedy."""
    decides: bool = True
    """No outcome follows, so a failed check decides the host's."""
    misconfigured: bool = False
    """Ansible can't use a variable of the host."""


class OutputReceived(Value):
    """New output of one host.

    ``*_skipped`` bytes just before it are gone; ``*_total`` bytes were written so far.
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
    """Another call started the command."""
    expired: bool = False
    """The skipped bytes are no longer kept, as the command ended long ago."""


class CommandRuns(Value):
    """The VM says that the command is still running, or starts later; it has no output to show."""

    host: str
    starts_s: int | None = None
    """Seconds until the command starts; None once it runs."""


class RetryPlanned(Value):
    """A connection attempt has failed, and another follows."""

    host: str
    attempt: int
    error: str
    session_id: str | None = None
    user: str | None = None


class _Timed(Value):
    """Base class of events with an end in time."""

    until: float | None = None
    """When a wait ends, or the work starts, in seconds since 1970; None if nothing is to come."""

    @property
    def clock_time(self) -> str:
        """The time for people, by this machine's clock; empty without one."""
        when = time.localtime(self.until or 0)
        return "" if self.until is None else time.strftime("%Y-%m-%d %H:%M", when)


class HostWaits(_Timed):
    """A host can't be reached and is waited for until then, or answers at last."""

    host: str
    session_id: str
    error: str | None = None
    may_run: bool = False
    """An attempt may have reached the host already."""


class HostEnded(Value):
    """The last event of a host; a turn may still run if this call no longer waits for it."""

    result: FanoutResult | TurnResult | HostRecord
    unusable: bool = False
    """A check has failed with this reason, which was told before."""


class HostMoved(_Timed):
    """A host has another state, or another turn; told just before the event that is the reason.

    `session_id` is the last that is known. `turn` and `agent` are those of a turn that has started
    or goes on.
    """

    host: str
    state: HostState
    before: HostState | None = None
    """None for a host that was not known."""
    earlier: frozenset[HostState] = frozenset()
    """All states that the host has had."""
    over: bool = False
    """This call tells no more of the host."""
    failed: bool = False
    """The host has an outcome, or was only to be asked, and it is no success."""
    reason: str | None = None
    """The status of the check that made the host unusable."""
    session_id: str | None = None
    turn: int | None = None
    agent: str | None = None
    attached: bool = False
    error: str | None = None
    """Why the host is waited for."""
    hosts: HostMoves | None = field(default=None, repr=False)
    """Has the last move of each host of the run, at any time."""

    @property
    def is_first(self) -> bool:
        """Whether the host has never had this state before."""
        return self.state not in self.earlier


class StopAnswered(HostRecord):
    """The answer to a request to stop."""

    totals: tuple[int, int] | None = None
    """Bytes that the command wrote to standard output and standard error."""


class HostBroken(Value):
    """A task failed on a host without a ``dx`` record: Ansible or our content broke."""

    host: str
    text: str


Event = (
    HostsKnown
    | TooManyHosts
    | BatchBegins
    | HostFound
    | PreflightDone
    | OutputReceived
    | CommandRuns
    | RetryPlanned
    | HostWaits
    | HostEnded
    | HostMoved
    | StopAnswered
    | HostBroken
    | TurnEvent
)


class Observer(Protocol):
    """Receives the events of a run while it goes on, from one thread at a time."""

    def handle(self, news: Event) -> None:
        """Act on the event, or ignore it."""


class Receiver:
    """Hands on the events of one run, and of those that continue it."""

    def __init__(self, handle: Callable[[Event], None]) -> None:
        """``handle`` gets the events one at a time."""
        self._handle = handle
        self.answered = False
        """Whether a VM has said that it has its work."""
        self._broken: list[PreflightDone] = []
        self._usable = False
        """Whether any host could be used."""

    def take(self, raw: Mapping[str, Any]) -> None:
        """Take an event of ansible-runner."""
        for news in parse(raw):
            self.answered |= isinstance(news, OutputReceived) or (
                isinstance(news, TurnUpdate) and news.started
            )
            if isinstance(news, PreflightDone) and news.misconfigured:
                self._broken.append(news)
            elif not isinstance(news, HostsKnown):
                self._usable = True
            self._handle(news)

    def check(self) -> None:
        """Raise InventoryError if Ansible can't use a variable of any host of the run."""
        if self._broken and not self._usable:
            what, _, remedy = str(self._broken[0].result.error).rpartition("; ")
            count = len(self._broken) - 1
            more = f"; and so it is with {count} more" if count else ""
            raise InventoryError(f"{what}{more}", remedy)


def parse(raw: Mapping[str, Any]) -> Iterator[Event]:
    """Yield the typed events of a raw event; most raw events have none."""
    if raw.get("event") not in _RESULT_EVENTS:
        return
    data = raw.get("event_data") or {}
    host, result = str(data.get("host")), data.get("res") or {}
    playbook = Path(str(data.get("playbook") or "/"))
    record = result.get("dx")
    if not isinstance(record, dict):
        if raw["event"] in {"runner_on_failed", "runner_on_unreachable"}:
            words = str(result.get("msg") or "the task failed")
            yield _broken(playbook, host, words, str(raw.get("stdout") or ""))
        return
    for news in record["news"] if record.get("kind") == "fleet" else [{"host": host, **record}]:
        if news.get("kind") == "broken":
            yield _broken(playbook, news["host"], news["error"], "\n".join(news["origins"]))
        else:
            yield from _parse_record(news)


def _broken(playbook: Path, host: str, words: str, shown: str) -> Event:
    explained = explain_variable(playbook, host, words, shown)
    if explained is None:
        return HostBroken(host=host, text=words)
    status = PreflightStatus.USER_MAPPING_MISSING
    result = PreflightResult(status=status, host=host, error=explained)
    return PreflightDone(result=result, misconfigured=True)


def _parse_record(record: Mapping[str, Any]) -> Iterator[Event]:
    kind, host = record.get("kind"), record["host"]
    if record.get("preflight"):
        decides = "outcome" not in record
        yield _preflight({"host": host, **record["preflight"]}, decides=decides)
    yield from parse_turn_news(record)
    match kind:
        case "hosts":
            yield read(HostsKnown, record)
        case "too_many_hosts":
            yield TooManyHosts(hosts=tuple(record["hosts"]))
        case "preflight":
            yield _preflight(record)
        case "waiting":
            yield read(HostWaits, record, session_id=record["id"])
        case "stop":
            yield StopAnswered.from_event(host, record)
        case "command":
            yield from _output(record)
        case _:
            pass
    if record.get("retry"):
        yield read(RetryPlanned, record["retry"], host=host)
    if kind in _RESULTS and record.get("done"):
        yield HostEnded(result=_RESULTS[kind].from_event(host, record))


_RESULTS: dict[object, type[FanoutResult | TurnResult]] = {
    "command": FanoutResult,
    "turn": TurnResult,
}


def _preflight(record: Mapping[str, Any], *, decides: bool = True) -> Event:
    if record["status"] is None:
        return read(HostFound, record, session_id=record["id"])
    result = read(PreflightResult, record)
    return read(PreflightDone, record, result=result, session_id=record["id"], decides=decides)


def _output(record: Mapping[str, Any]) -> Iterator[Event]:
    out, err = record.get("out"), record.get("err")
    if out and err:
        yield read(OutputReceived, record, **_stream("out", out), **_stream("err", err))
    elif record.get("started") and not (record.get("retry") or record.get("done")):
        yield CommandRuns(host=record["host"], starts_s=record.get("starts_s"))


def _stream(name: str, news: Mapping[str, Any]) -> dict[str, object]:
    skipped, total = f"{name}_skipped", f"{name}_total"
    return {name: b64decode(news["data"]), skipped: news["skipped"], total: news["total"]}
