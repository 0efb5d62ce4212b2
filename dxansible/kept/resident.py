"""The process of an engine: runs ansible-runner, and relays between callers and Ansible.

It decides nothing. A call's bytes go to Ansible's worker unchanged. The worker's reports arrive as
ansible-runner's events, and each goes to its caller.
"""

from __future__ import annotations

import itertools
import json
import os
import queue
import resource
import signal
import socket
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dxansible.errors import DxError
from dxansible.run.backend import play
from dxansible.run.request import PlayRequest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader

__all__ = ["serve_calls"]

_IDLE = 600.0
_PATIENCE = 60.0
"""Seconds for a client to send go, and for the worker to answer."""


class _Caller:
    """The two connections of a call: to its client, and to the worker."""

    def __init__(self, peer: socket.socket, worker: socket.socket) -> None:
        self._peer, self._worker = peer, worker
        self._to_worker = threading.Lock()
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def put(self, line: bytes) -> None:
        """Queue a line for the client; the worker sends its next one only once this is sent."""
        self._lines.put(line)

    def end(self) -> None:
        """Mark the end: no line follows."""
        self._lines.put(None)

    def tell_worker(self, line: bytes) -> None:
        """Send a line to the worker; do nothing if the call has already ended there."""
        with self._to_worker, suppress(OSError):
            self._worker.sendall(line)

    def write(self) -> None:
        """Send the queued lines, until the end."""
        while (line := self._lines.get()) is not None:
            try:
                self._peer.sendall(line)
            except OSError:
                break
            self.tell_worker(b"ok\n")
        with suppress(OSError):
            self._peer.shutdown(socket.SHUT_RDWR)


class _Resident:
    """An engine."""

    def __init__(self, order: dict[str, Any]) -> None:
        self._path: str = order["path"]
        self._calls = f"{self._path}.{os.getpid()}"
        self._request = _request(order, self._calls)
        self._idle, self._lock_fd = _idle_seconds(order["idle"]), int(order["lock"])
        self._numbers = itertools.count(1)
        self._callers: dict[int, _Caller] = {}
        self._changed = threading.Condition()
        self._ready = self._leaving = False
        self._busy = 0
        """Number of calls that were accepted, or are about to be."""
        self._used = self._started = time.monotonic()
        self._end = threading.Event()
        self._modules = {path: _stamp(path) for path in _our_modules()}
        self._began: float = order["began"]

    def run(self) -> None:
        """Take calls until the engine has been idle for long enough, or the run ends."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(f"{self._path}.new")
        Path(f"{self._path}.new").chmod(0o600)
        listener.listen(512)
        self._started = time.monotonic()
        Path(f"{self._path}.new").rename(self._path)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        threading.Thread(target=self._look_at_clock, daemon=True).start()
        reason = ""
        try:
            end = play(self._request, self._handle, self._end)
            reason = end.output[-300:] or "Ansible has ended"
        except DxError as error:
            reason = str(error)
        finally:
            if not self._ready and not self._end.is_set():
                self._refuse(reason)
            self._leave()
            Path(self._calls).unlink(missing_ok=True)

    def leave(self) -> None:
        """Take no more calls; end the run once the last call has ended."""
        self._leave()
        with self._changed:
            self._changed.wait_for(lambda: not self._busy)
        self._end.set()

    def _leave(self) -> None:
        with self._changed:
            if not self._leaving:
                self._leaving = True
                for name in (self._path, f"{self._path}.lock"):  # the next engine may start now
                    Path(name).unlink(missing_ok=True)
            self._changed.notify_all()

    def leave_beside(self) -> None:
        """Call `leave` in a thread, and return at once."""
        threading.Thread(target=self.leave, daemon=True).start()

    def _refuse(self, reason: str) -> None:
        Path(f"{self._path}.unfit").write_text(" ".join(reason.split()) or "unknown")

    # calls

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:  # too many files are open
                time.sleep(0.1)
                continue
            threading.Thread(target=self._attend, args=(peer,), daemon=True).start()

    def _attend(self, peer: socket.socket) -> None:
        credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        ours = int.from_bytes(credentials[4:8], sys.byteorder) == os.geteuid()
        with peer, peer.makefile("rb") as lines, suppress(OSError, ValueError, KeyError, TypeError):
            head: dict[str, Any] = json.loads(lines.readline()) if ours else {}
            early, payload = head["began"] < self._started, int(head["payload"])
            with self._taking() as taken:
                reason = self._stale()
                if reason is not None:
                    peer.sendall(f"no {reason}\n".encode())
                    self.leave_beside()
                elif taken and self._has_loaded(peer):
                    os.utime(self._lock_fd)
                    self._pass_on(peer, lines, head | {"early": early}, payload)

    @contextmanager
    def _taking(self) -> Iterator[bool]:
        """Keep the engine alive during a call; yield False if it is already leaving."""
        with self._changed:
            taken = not self._leaving
            self._busy += taken
        try:
            yield taken
        finally:
            with self._changed:
                self._busy -= taken
                self._used = time.monotonic()
                self._changed.notify_all()

    def _has_loaded(self, peer: socket.socket) -> bool:
        if not self._ready:
            peer.sendall(b"loading\n")
            with self._changed:
                self._changed.wait_for(lambda: self._ready or self._leaving)
        return self._ready

    def _pass_on(
        self, peer: socket.socket, lines: BufferedReader, head: dict[str, Any], size: int
    ) -> None:
        number = next(self._numbers)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as worker:
            worker.settimeout(_PATIENCE)
            peer.settimeout(_PATIENCE)
            worker.connect(self._calls)
            worker.sendall(json.dumps(head | {"call": number}).encode() + b"\n")
            with worker.makefile("rb") as answers:
                answer = answers.readline()
                while answer == b"loading\n":
                    peer.sendall(answer)
                    worker.settimeout(None)
                    answer = answers.readline()
            peer.sendall(answer)
            if not answer.startswith(b"yes") or lines.readline() != b"go\n":
                return
            payload = lines.read(size)
            if len(payload) != size:
                return
            for each in (worker, peer):
                each.settimeout(None)
            self._follow(number, _Caller(peer, worker), lines, payload)

    def _follow(self, number: int, caller: _Caller, lines: BufferedReader, payload: bytes) -> None:
        """Start the call, and relay the client's lines until the connection closes."""
        with self._changed:
            self._callers[number] = caller
        writer = threading.Thread(target=caller.write, daemon=True)
        writer.start()
        try:
            caller.tell_worker(b"go\n" + payload)
            del payload
            for line in lines:  # the reader's progress, until the client hangs up
                caller.tell_worker(line)
        finally:
            with self._changed:
                del self._callers[number]
            caller.end()
            writer.join()

    # news

    def _handle(self, event: dict[str, Any]) -> None:
        data = event.get("event_data") or {}
        record = (data.get("res") or {}).get("dx") or {}
        for news in record.get("news") or ():
            match news.get("kind"):
                case "ready":
                    with self._changed:
                        self._ready = True
                        self._changed.notify_all()
                case "stale":
                    if news["lasting"]:
                        self._refuse(str(news["error"]))
                    self.leave_beside()
                case _:
                    self._tell(news["call"], news["records"])

    def _tell(self, number: int, records: list[dict[str, Any]]) -> None:
        with self._changed:
            caller = self._callers.get(number)
        if caller is not None:
            caller.put(json.dumps(records).encode() + b"\n")
            if records[-1]["kind"] in {"end", "refused"}:
                caller.end()

    # the end

    def _look_at_clock(self) -> None:
        while True:
            time.sleep(min(1.0, self._idle))
            with self._changed:
                idle = not self._busy and time.monotonic() - self._used > self._idle
            if idle or not Path(self._path).exists():
                self.leave()
                return

    def _stale(self) -> str | None:
        for path, known in self._modules.items():
            if known is None or known[0] / 1e9 > self._began or _stamp(path) != known:
                return f"{path} has changed"
        return None


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - a hundred of them in each call
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _our_modules() -> set[str]:
    """Return the loaded files of this package; an upgrade replaces them."""
    root = str(Path(__file__).parents[1])
    files = (getattr(module, "__file__", None) or "" for module in list(sys.modules.values()))
    return {file for file in files if file.startswith(root)}


def _request(order: dict[str, Any], calls: str) -> PlayRequest:
    return PlayRequest(
        playbook=Path(order["playbooks"]) / "serve.yml",
        inventory=tuple(map(Path, order["inventory"])),
        limit="all",
        variables={"dx_serve_socket": calls},
        forks=1,
        environment={"PATH": os.environ.get("PATH", os.defpath)},
        runtime_dir=Path(order["runtime_dir"]),
    )


def _idle_seconds(text: str) -> float:
    try:
        return float(text or _IDLE)
    except ValueError:
        return _IDLE


def serve_calls(order: dict[str, Any]) -> None:
    """Run the engine that ``order`` describes."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    resident = _Resident(order)
    signal.signal(signal.SIGTERM, lambda *_: resident.leave_beside())
    resident.run()
