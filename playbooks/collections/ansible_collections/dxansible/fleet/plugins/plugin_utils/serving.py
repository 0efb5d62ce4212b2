# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Takes calls from a socket and queues their news.

Each connection is one call. The caller sends a line of JSON, then ``go`` and the payload. Then it
sends a line ``COUNT HOST`` as its reader takes output of a host, and ``ok`` for each batch of news
that it has read.

A call starts only after we answer ``yes`` and receive the whole payload. A caller that goes on
without us therefore never has its call made twice. When the caller hangs up, its runs stop where
they are. Commands that they started keep running on the VMs.
"""

from __future__ import annotations

import json
import queue
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .fan import record_size
from .value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from io import BufferedReader

    from .fan import Fan
    from .freshness import NotCacheable

_UNREAD = 2
"""Batches of one call that its caller may leave unread; after that the call waits."""
_MOST_CALLS = 64
"""Batches fetched at a time; each has about a megabyte at most."""
_MOST_SIZE = 2**20
_EARLY = 0.5
"""Seconds after which we check whether the run can be kept, if no call asks before."""
_PATIENCE = 3600.0


class ReadBytes:
    """Counts the bytes of each host's output that the caller's reader has taken."""

    def __init__(self) -> None:
        """Start with 0 for each host."""
        self._taken: dict[str, int] = {}
        self._changed = threading.Condition()

    def update(self, host: str, count: int) -> None:
        """Set the total of a host. It never decreases."""
        with self._changed:
            self._taken[host] = max(count, self._taken.get(host, 0))
            self._changed.notify_all()

    def taken(self, host: str, wanted: int, patience: float) -> int:
        """The bytes taken. Waits up to ``patience`` seconds until they reach ``wanted``."""
        with self._changed:
            self._changed.wait_for(lambda: self._taken.get(host, 0) >= wanted, patience)
            return self._taken.get(host, 0)


class Call(Value):
    """The request of a caller."""

    number: int
    limit: str
    """Pattern of its hosts."""
    operation: str
    variables: Mapping[str, Any]
    """Extra variables: they override all others, and are never templated."""
    forks: int
    payload: bytes
    reader: ReadBytes | None
    """None if the call doesn't wait for a reader."""


class Serving:
    """Takes calls from a socket, and queues the news of all of them."""

    def __init__(
        self,
        path: str,
        begin: Callable[[Call], tuple[Fan, dict[str, Any]]],
        stale: Callable[[], NotCacheable | None],
    ) -> None:
        """Listen at ``path``. ``begin`` starts a call and returns its first record.

        ``stale`` returns why the run is out of date or can't be kept. Its first call may take long.
        """
        self._begin, self._stale = begin, stale
        self._asked = threading.Event()
        self._looked = False
        """Whether ``stale`` has returned once."""
        self._news: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        Path(path).chmod(0o600)
        self._listener.listen(512)
        threading.Thread(target=self._accept, name="dx-serving", daemon=True).start()
        threading.Thread(target=self._ask_early, name="dx-freshness", daemon=True).start()

    def news(self) -> list[dict[str, Any]]:
        """Wait for news. Returns batches, each of one call, up to about a megabyte in all."""
        batches = [self._news.get()]
        size = batches[0].pop("size", 0)
        while len(batches) < _MOST_CALLS and size < _MOST_SIZE:
            try:
                batches.append(self._news.get_nowait())
            except queue.Empty:
                break
            size += batches[-1].pop("size", 0)
        return batches

    def _accept(self) -> None:
        while True:
            try:
                peer, _address = self._listener.accept()
            except OSError:  # too many files are open
                time.sleep(0.1)
                continue
            threading.Thread(target=self._attend, args=(peer,), daemon=True).start()

    def _ask_early(self) -> None:
        if not self._asked.wait(_EARLY):
            self._is_stale()

    def _is_stale(self) -> NotCacheable | None:
        self._asked.set()
        found = self._stale()
        self._looked = True
        if found is not None:
            self._news.put(found.as_news())
        return found

    def _attend(self, peer: socket.socket) -> None:
        with peer, peer.makefile("rb") as lines:
            try:
                call = self._agree(peer, lines)
            except (OSError, ValueError):
                return
            if call is not None:
                self._make(call, peer, lines)

    def _agree(self, peer: socket.socket, lines: BufferedReader) -> Call | None:
        """Agree with the caller on its call; None if the call may not start."""
        head: dict[str, Any] = json.loads(lines.readline())
        if not head["early"]:  # an early call came before we read any file
            if not self._looked:
                peer.sendall(b"loading\n")
            stale = self._is_stale()
            if stale is not None:
                peer.sendall(f"no {stale}\n".encode())
                return None
        peer.sendall(b"yes\n")
        if lines.readline() != b"go\n":
            return None
        payload = lines.read(head["payload"])
        if len(payload) != head["payload"]:
            return None
        return Call(
            number=head["call"],
            limit=head["limit"],
            operation=head["operation"],
            variables=head["variables"],
            forks=head["forks"],
            payload=payload,
            reader=ReadBytes() if head["flow"] else None,
        )

    def _make(self, call: Call, peer: socket.socket, lines: BufferedReader) -> None:
        try:
            fan, first = self._begin(call)
        except Exception as error:  # noqa: BLE001 - Ansible raises many types
            self._tell(call, [{"kind": "refused", "error": str(error)}])
            return
        room = threading.Semaphore(_UNREAD)
        follower = threading.Thread(target=_follow, args=(lines, call, fan, room), daemon=True)
        follower.start()
        records = [first]
        while True:
            room.acquire()
            if fan.left == 0:
                records.append({"kind": "end"})
            self._tell(call, records)
            if fan.left == 0:
                break
            batch = fan.news(_PATIENCE)
            records = [{"host": host, **record} for host, record in batch]
        fan.close()
        with suppress(OSError):  # the caller may have hung up
            peer.shutdown(socket.SHUT_RDWR)
        follower.join()

    def _tell(self, call: Call, records: list[dict[str, Any]]) -> None:
        size = sum(map(record_size, records))
        self._news.put({"call": call.number, "records": records, "size": size})


def _follow(lines: BufferedReader, call: Call, fan: Fan, room: threading.Semaphore) -> None:
    """Read the caller's lines until it hangs up, then stop the call."""
    try:
        for line in lines:
            if line == b"ok\n":
                room.release()
                continue
            count, _sep, host = line.decode().rstrip("\n").partition(" ")
            if call.reader is not None:
                call.reader.update(host, int(count))
    except (OSError, ValueError):
        pass
    fan.close()
    room.release()
