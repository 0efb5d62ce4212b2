"""The calls of this machine that wait for hosts, for other calls to list and to stop.

Each has a private file with the hosts that it waits for, and keeps a lock on another. A file whose
lock is free is what a killed call has left, and the next reader removes it. To stop a call, one
opens its FIFO.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path  # noqa: TC003 - `read` looks up the types of fields
from typing import TYPE_CHECKING, Any

from dxansible import verdict
from dxansible.evidence import Evidence, nothing_sent
from dxansible.logs import event
from dxansible.private_file import replace_file
from dxansible.record import Document, HostRecord, read
from dxansible.results import SessionInfo
from dxansible.run.events import HostEnded, HostMoved, HostWaits
from dxansible.settings import state_dir
from dxansible.states import HostState, ListedState
from dxansible.value import Value, field, fields

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from dxansible.run.calls import CommandCall, TaskCall
    from dxansible.run.events import Event, Observer
    from dxansible.run.gather import R, ResultCollector
    from dxansible.run.host_moves import HostMoves
    from dxansible.settings import Settings

__all__ = [
    "AwaitedHost",
    "WaitingCall",
    "end_unsent",
    "listing_waits",
    "waiting_calls",
    "waiting_sessions",
]

_SCHEMA = 1
_PATIENCE = 120.0
"""Seconds for a call to end once it is asked to: it stops what runs on the hosts."""
_LOOK = 0.05
_BEGUN = frozenset({HostState.BACK, HostState.QUEUED, HostState.SCHEDULED, HostState.STARTED})


class AwaitedHost(Document):
    """A host that a call waits for; times are in seconds since 1970."""

    host: str
    session_id: str
    since: float
    until: float
    error: str | None = None


class WaitingCall(Value):
    """A call that waits for hosts, as its file describes it."""

    path: Path
    run_id: str
    kind: str
    """``agent`` or ``command``."""
    summary: str
    inventory: str
    hosts: tuple[AwaitedHost, ...] = ()
    others: int = 0
    """Hosts on which its work has begun and not ended."""
    ends: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    """The results of its hosts, if it was stopped."""

    def stop(self) -> WaitingCall | None:
        """Stop the call, and return it as it ended; None if it had ended by itself."""
        with suppress(OSError):
            os.close(os.open(_beside(self.path, "stop"), os.O_WRONLY | os.O_NONBLOCK))
        end = time.monotonic() + _PATIENCE
        while _is_held(self.path):
            if time.monotonic() > end:
                return self
            time.sleep(_LOOK)
        try:
            found = _read(self.path)
        except (OSError, ValueError, TypeError, KeyError):
            return None
        _remove(self.path)
        return found


class _Awaiting:
    """Observer that keeps the file of a call while it waits for hosts."""

    def __init__(self, call: CommandCall | TaskCall) -> None:
        """Write nothing yet. The call is cancelled if somebody stops it."""
        self._cancelled = call.cancelled
        self._path = _directory() / f"{call.run_id}.{os.getpid()}.json"
        self._head: dict[str, object] = {
            "schema": _SCHEMA,
            "run_id": call.run_id,
            "kind": call.kind,
            "summary": call.summary,
            "inventory": call.options.settings.inventory_name,
        }
        self._lock: int | None = None
        self._listed = True
        """Whether the file can be written."""
        self._hosts: dict[str, AwaitedHost] = {}
        self._run: HostMoves | None = None
        self._ends: list[dict[str, object]] = []

    def handle(self, news: Event) -> None:
        """Take an event of the call."""
        match news:
            case HostMoved():
                self._move(news)
            case HostWaits(until=float() as until):
                before = self._hosts.get(news.host)
                since = time.time() if before is None else before.since
                self._hosts[news.host] = AwaitedHost(
                    host=news.host,
                    session_id=news.session_id,
                    since=since,
                    until=until,
                    error=news.error,
                )
                self._save()
            case HostEnded():
                self._end(news.result)
            case _:
                pass

    def finish(self) -> None:
        """Remove the file; that of a call that was stopped stays for whoever has stopped it."""
        if self._lock is None:
            return
        if not self._cancelled.is_set():
            _remove(self._path)
        os.close(self._lock)
        self._lock = None

    def _move(self, news: HostMoved) -> None:
        self._run = news.hosts
        waits = news.state is HostState.WAITING
        if not waits and self._hosts.pop(news.host, None) is not None:
            self._save()

    def _end(self, result: HostRecord) -> None:
        if self._cancelled.is_set():
            told = {each.name: getattr(result, each.name) for each in fields(HostRecord)}
            self._ends.append(verdict.as_end(HostRecord, result, **told).to_dict())
            self._save()

    def _save(self) -> None:
        if not self._listed:
            return
        try:
            if self._lock is None:
                self._open()
            hosts = [each.to_dict() for each in self._hosts.values()]
            others = 0 if self._run is None else self._run.count(_BEGUN)
            told = {"hosts": hosts, "others": others, "ends": self._ends}
            text = json.dumps(self._head | told)
            replace_file(self._path, text.encode("utf-8", "surrogateescape"))
        except OSError as error:
            self._listed = False
            remedy = "--sessions will not show what this call waits for"
            event("wait_not_listed", logging.WARNING, error=str(error), remedy=remedy)

    def _open(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in ("lock", "stop"):
            _beside(self._path, name).unlink(missing_ok=True)
        os.mkfifo(_beside(self._path, "stop"), 0o600)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._lock = os.open(_beside(self._path, "lock"), flags, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        threading.Thread(target=self._listen, name="dx-stop", daemon=True).start()

    def _listen(self) -> None:
        """Wait until somebody opens the FIFO."""
        with suppress(OSError):
            os.close(os.open(_beside(self._path, "stop"), os.O_RDONLY))
            self._cancelled.set()


@contextmanager
def listing_waits(call: CommandCall | TaskCall) -> Iterator[Sequence[Observer]]:
    """Yield the observer that lists what a call waits for; none if it never waits.

    The call ends with the block.
    """
    if call.options.when_back_sec is None:
        yield ()
        return
    listed = _Awaiting(call)
    try:
        yield (listed,)
    finally:
        call.end()
        listed.finish()


def end_unsent(call: CommandCall | TaskCall, collector: ResultCollector[R]) -> None:
    """End a cancelled call on the hosts to which it has certainly sent nothing, and never will."""
    unsent = call.end()
    for host in collector.unfinished():
        if host in unsent:
            collector.end(host, verdict.not_sent(host, nothing_sent(Evidence.NEVER_SENT)))


def waiting_calls() -> list[WaitingCall]:
    """Return the calls that wait for hosts now, and remove what killed ones have left."""
    found = []
    for path in sorted(_directory().glob("*.json")):
        if not _is_held(path):
            _remove(path)
            continue
        with suppress(OSError, ValueError, TypeError, KeyError):
            found.append(_read(path))
    return found


def waiting_sessions(
    settings: Settings,
    hosts: Collection[str] | None = None,
    *,
    prefix: str = "",
    only: str | None = None,
) -> Iterator[SessionInfo]:
    """Yield what waits for these hosts of the inventory, or for any.

    ``prefix`` is the beginning of its id.
    """
    now = time.time()
    for call in waiting_calls():
        if call.inventory != settings.inventory_name or only not in {None, f"{call.kind}s"}:
            continue
        for each in call.hosts:
            if (hosts is None or each.host in hosts) and each.session_id.startswith(prefix):
                yield SessionInfo(
                    host=each.host,
                    session_id=each.session_id,
                    state=ListedState.WAITING.value,
                    kind=call.kind,
                    age_s=max(0, round(now - each.since)),
                    gives_up_s=max(0, round(each.until - now)),
                    task=call.summary,
                    message=each.error,
                )


def _directory() -> Path:
    return state_dir() / "waiting"


def _beside(path: Path, suffix: str) -> Path:
    return path.with_suffix(f".{suffix}")


def _is_held(path: Path) -> bool:
    """Whether the call of a file is alive."""
    try:
        lock = os.open(_beside(path, "lock"), os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _remove(path: Path) -> None:
    for each in (path, _beside(path, "stop"), _beside(path, "lock")):
        each.unlink(missing_ok=True)


def _read(path: Path) -> WaitingCall:
    """Return the call of a file. Raises OSError, ValueError, TypeError and KeyError."""
    found = json.loads(path.read_bytes().decode("utf-8", "surrogateescape"))
    if found["schema"] != _SCHEMA:
        raise ValueError(f"its schema is {found['schema']}, and not {_SCHEMA}")
    return read(WaitingCall, found, path=path)
