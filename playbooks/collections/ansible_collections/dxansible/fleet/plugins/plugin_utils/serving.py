# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Takes calls from a socket and gives their news to whoever fetches them.

A connection is one call: a line of JSON, then ``go`` and the payload, then lines ``COUNT HOST``
that say how far the reader of the output has come, and a line ``ok`` for each batch of news that
was read. Nothing begins before the caller was told ``yes`` and has sent all of its payload, so a
caller that went on without us never has its call made twice. When it hangs up, its runs end where
they stand, and what they have begun goes on on the VMs.
"""

from __future__ import annotations

import json
import queue
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .fan import record_size

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from io import BufferedReader

__all__ = ["Call", "Drive", "ReadBytes", "Serving", "Stale"]

_UNREAD = 2
"""Batches of one call that its caller has not read; above that the call waits."""
_MOST_CALLS = 64
"""Whose batches are fetched at a time; one has about a megabyte at most."""
_MOST_SIZE = 2**20
_EARLY = 0.5
"""Seconds after which it is found out whether the run can be kept, if no call asks before."""
_PATIENCE = 3600.0


class Drive(Protocol):
    """The runs of the hosts of one call."""

    @property
    def left(self) -> int:
        """Hosts that are not done."""

    def news(self, patience: float) -> list[tuple[str, dict[str, Any], object]]:
        """Host and record of what is new; waits up to ``patience`` seconds for that."""

    def close(self) -> None:
        """End all runs where they stand."""


class ReadBytes:
    """How many bytes of each host's output the caller's reader has taken."""

    def __init__(self) -> None:
        """None yet."""
        self._taken: dict[str, int] = {}
        self._changed = threading.Condition()

    def update(self, host: str, count: int) -> None:
        """So many in all."""
        with self._changed:
            self._taken[host] = max(count, self._taken.get(host, 0))
            self._changed.notify_all()

    def taken(self, host: str, wanted: int, patience: float) -> int:
        """The bytes taken; waits until they are ``wanted``, up to ``patience`` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._taken.get(host, 0) >= wanted, patience)
            return self._taken.get(host, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a caller wants done."""

    number: int
    limit: str
    """The pattern of its hosts."""
    operation: str
    variables: Mapping[str, Any]
    """As extra variables: before all others, and never templates."""
    forks: int
    payload: bytes
    reader: ReadBytes | None
    """None if the calls don't wait for a reader."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """Why this run would not say what a new one would."""

    reason: str
    lasting: bool
    """A new one could not be kept either."""


class Serving:
    """A socket that takes calls, and the news of all of them."""

    def __init__(
        self,
        path: str,
        begin: Callable[[Call], tuple[Drive, dict[str, Any]]],
        stale: Callable[[], Stale | None],
    ) -> None:
        """Listen at ``path``; ``begin`` starts a call and returns what the caller hears first.

        ``stale`` may take long when it is called for the first time.
        """
        self._begin, self._stale = begin, stale
        self._asked = threading.Event()
        self._looked = False
        """Whether `stale` was called to its end."""
        self._news: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        Path(path).chmod(0o600)
        self._listener.listen(512)
        threading.Thread(target=self._accept, name="dx-serving", daemon=True).start()
        threading.Thread(target=self._ask_early, name="dx-freshness", daemon=True).start()

    def news(self) -> list[dict[str, Any]]:
        """Wait for news, and return what there are, about a megabyte at most; each has its call."""
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
                peer, _ = self._listener.accept()
            except OSError:  # too many files are open
                time.sleep(0.1)
                continue
            threading.Thread(target=self._attend, args=(peer,), daemon=True).start()

    def _ask_early(self) -> None:
        if not self._asked.wait(_EARLY):
            self._is_stale()

    def _is_stale(self) -> Stale | None:
        self._asked.set()
        found = self._stale()
        self._looked = True
        if found is not None:
            self._news.put({"kind": "stale", "error": found.reason, "lasting": found.lasting})
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
        """The call, once it may begin; None if it may not."""
        head: dict[str, Any] = json.loads(lines.readline())
        if not head["early"]:  # else all was read after the caller had asked
            if not self._looked:
                peer.sendall(b"loading\n")
            stale = self._is_stale()
            if stale is not None:
                peer.sendall(f"no {stale.reason}\n".encode())
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
            drive, first = self._begin(call)
        except Exception as error:  # noqa: BLE001 - Ansible's are many; the caller is told
            self._tell(call, [{"kind": "refused", "error": str(error)}])
            return
        room = threading.Semaphore(_UNREAD)
        follower = threading.Thread(target=_follow, args=(lines, call, drive, room), daemon=True)
        follower.start()
        records = [first]
        while True:
            room.acquire()
            if drive.left == 0:
                records.append({"kind": "end"})
            self._tell(call, records)
            if drive.left == 0:
                break
            batch = drive.news(_PATIENCE)
            records = [{"host": host, **record} for host, record, _ in batch]
        drive.close()
        with suppress(OSError):  # the caller may have hung up
            peer.shutdown(socket.SHUT_RDWR)
        follower.join()

    def _tell(self, call: Call, records: list[dict[str, Any]]) -> None:
        size = sum(map(record_size, records))
        self._news.put({"call": call.number, "records": records, "size": size})


def _follow(lines: BufferedReader, call: Call, drive: Drive, room: threading.Semaphore) -> None:
    """Hear of the reader, and of batches that were read, until the caller hangs up."""
    try:
        for line in lines:
            if line == b"ok\n":
                room.release()
                continue
            count, _, host = line.decode().rstrip("\n").partition(" ")
            if call.reader is not None:
                call.reader.update(host, int(count))
    except (OSError, ValueError):
        pass
    drive.close()
    room.release()
