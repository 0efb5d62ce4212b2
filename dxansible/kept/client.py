"""The client of an engine: hands over a playbook's operation and reads the same records.

The client sends the head first. Once the engine has answered yes, the client sends go and the
payload. Nothing begins before the last byte of the payload; until then the call can run cold
instead.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from dxansible.kept.fingerprint import (
    EngineNotRunning,
    EngineUnusable,
    check_directory,
    socket_path,
)
from dxansible.run.request import CANCELLED, PlayEnd

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from dxansible.run.request import PlayRequest

__all__ = ["Line", "hand_over"]

_STARTING = 10.0
"""Seconds for a new engine to open its socket."""
_MOST_STARTS = 3
"""Starts by one call; an engine may be ended while it loads."""
_PAUSE = 0.005
"""Seconds until a starting engine is looked for again."""
_PATIENCE = 5.0
"""Seconds; an engine that has not answered by then counts as stuck.

Fifty clients that start at once on two cores wait up to two seconds. A shorter patience would make
their calls run cold, and the machine ten times busier.
"""
_LOADING = 180.0
"""Seconds to wait for an engine that is loading; a cold run would load no faster beside it."""
_LONGEST_PATIENCE = 86_400.0
_SILENCE = 4
"""Multiple of the patience; by then an engine has reported the hosts of the call."""
_LOOK = 0.2
"""Seconds between checks for cancellation."""
_REFUSAL = 600.0
"""Seconds for which a recorded refusal (``.unfit``) counts."""


def hand_over(request: PlayRequest, cancelled: threading.Event) -> Line:
    """Hand a run to an engine that takes it.

    Raises EngineUnusable if there is none; nothing has begun then.
    """
    began = time.monotonic()
    place = _Place(request.inventory, request.playbook.parent, request.environment)
    payload = request.secret_text or b""
    head = {
        "began": began,
        "limit": request.limit,
        "operation": request.playbook.stem.replace("-", "_"),
        "variables": dict(request.variables),
        "forks": request.forks,
        "flow": request.flow is not None,
        "payload": len(payload),
    }
    line, starts = None, 0
    while line is None:
        try:
            line = Line(place.path, head, payload, cancelled.is_set)
        except EngineNotRunning as absent:
            _check_refusal(place.path, place.sources)
            if time.monotonic() > began + _STARTING or starts > _MOST_STARTS:
                raise EngineUnusable(f"none starts: {absent}") from absent
            starts += place.start(str(request.runtime_dir))
            time.sleep(_PAUSE)
    if request.flow is not None:
        request.flow.tell(line.taken)
    return line


class Line:
    """A call that an engine has accepted."""

    def __init__(
        self, path: str, head: Mapping[str, Any], payload: bytes, cancelled: Callable[[], bool]
    ) -> None:
        """Offer the call to the engine. Raises EngineUnusable; nothing has begun then.

        Raises EngineNotRunning if no engine runs, or if the engine finds itself out of date.
        """
        self._cancelled = cancelled
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._waiting = select.poll()
        self._waiting.register(self._socket, select.POLLIN)
        try:
            self._offer(path, json.dumps(head).encode() + b"\n")
            self._socket.settimeout(None)
            self._socket.sendall(b"go\n" + payload)
        except TimeoutError:
            self.close()
            raise EngineUnusable("it does not answer") from None
        except (FileNotFoundError, ConnectionError):
            self.close()
            raise EngineNotRunning("there is none yet") from None
        except BaseException:
            self.close()
            raise

    def follow(self, on_event: Callable[[dict[str, Any]], None]) -> PlayEnd:
        """Follow the call as `dxansible.run.backend.play` does.

        Raises EngineUnusable if the engine refuses it after all; nothing has begun then.
        """
        try:
            for record in self._news():
                match record["kind"]:
                    case "end":
                        return PlayEnd(status="successful", exit_code=0)
                    case "refused":
                        raise EngineUnusable(record["error"])
                    case _:
                        result = {"dx": {"kind": "fleet", "news": [record]}}
                        data = {"host": "", "res": result}
                        on_event({"event": "runner_retry", "event_data": data})
        finally:
            self.close()
        return CANCELLED if self._cancelled() else PlayEnd(status="failed", engine_lost=True)

    def _news(self) -> Iterator[dict[str, Any]]:
        """Yield the records of the call; none of kind ``end`` if the engine dies.

        Also stops early if the call is cancelled, or if no first record arrives in time.
        """
        parts: list[bytes] = []
        deadline = time.monotonic() + _SILENCE * _patience()
        while not self._cancelled():
            if not self._waiting.poll(_LOOK * 1000):
                if time.monotonic() > deadline:
                    return
                continue
            deadline = float("inf")
            try:
                piece = self._socket.recv(1 << 18)
            except OSError:
                return
            if not piece:
                return
            parts.append(piece)
            if b"\n" in piece:
                *lines, rest = b"".join(parts).split(b"\n")
                parts = [rest]
                for line in lines:
                    yield from json.loads(line)

    def taken(self, host: str, count: int) -> None:
        """Report how many bytes of a host's output its reader has taken."""
        try:
            self._socket.sendall(f"{count} {host}\n".encode())
        except OSError:
            return

    def close(self) -> None:
        """Close the connection; commands that have begun on VMs go on."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _offer(self, path: str, head: bytes) -> None:
        patience = _patience()
        self._socket.settimeout(patience)
        self._socket.connect(path)
        credentials = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        if int.from_bytes(credentials[4:8], sys.byteorder) != os.geteuid():
            raise EngineUnusable("it is another user's")
        self._socket.sendall(head)
        answer = self._answer(patience)
        while answer == b"loading\n":
            answer = self._answer(_LOADING)
        word, _, reason = answer.decode(errors="replace").rstrip("\n").partition(" ")
        if word == "no":
            raise EngineNotRunning(reason)
        if word != "yes":
            raise EngineNotRunning("it went away")

    def _answer(self, patience: float) -> bytes:
        """Read one line and no byte beyond it. Raises TimeoutError."""
        line = bytearray()
        deadline = time.monotonic() + patience
        while not line.endswith(b"\n"):
            if self._cancelled():
                raise EngineUnusable("the call was cancelled")
            left = deadline - time.monotonic()
            if self._waiting.poll(max(0.0, min(left, _LOOK)) * 1000):
                piece = self._socket.recv(1)
                if not piece:
                    break
                line += piece
            elif left <= 0:
                raise TimeoutError
        return bytes(line)


class _Place:
    """The engine that fits a call."""

    def __init__(
        self, inventory: Sequence[Path], playbooks: Path, environment: Mapping[str, str]
    ) -> None:
        """Raises EngineUnusable."""
        check_directory()
        self._environment = {**os.environ, **environment}
        self.sources = [os.path.abspath(source) for source in inventory]
        self._playbooks = str(playbooks)
        self.path = socket_path(self.sources, self._playbooks, self._environment)

    def start(self, runtime_dir: str) -> bool:
        """Start it; False if it runs or is just starting."""
        from dxansible.kept.running import start  # noqa: PLC0415 - for a first call only

        return start(self.path, self.sources, self._playbooks, self._environment, runtime_dir)


def _check_refusal(path: str, inventory: Sequence[str]) -> None:
    """Raise EngineUnusable if an engine for such calls failed a short while ago.

    The failure doesn't count if a source of ``inventory`` has changed since.
    """
    name = f"{path}.unfit"
    try:
        refused = os.lstat(name).st_mtime
        recent = 0 <= time.time() - refused < _REFUSAL
        if any(os.stat(source).st_mtime > refused for source in inventory):
            return
        with open(name) as file:
            reason = file.read(300)
    except OSError:
        return
    if recent and reason:  # an empty file is still being written
        raise EngineUnusable(reason)


def _patience() -> float:
    """Return how long to wait for an answer; a value that makes no sense is as good as none."""
    try:
        given = float(os.environ["DX_ENGINE_PATIENCE"])
    except (KeyError, ValueError):
        return _PATIENCE
    return min(given, _LONGEST_PATIENCE) if given > 0 else _PATIENCE
