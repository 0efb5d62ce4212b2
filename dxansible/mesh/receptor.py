"""Talks with Receptor, Ansible's mesh, on the control socket of this machine's node.

Its protocol is a line of JSON for each request, see ``docs/mesh.md``.
"""

from __future__ import annotations

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dxansible.errors import EngineError
from dxansible.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from dxansible.settings import Settings

__all__ = ["LEAVING", "WORK", "MeshError", "Node", "Receptor", "check_node"]

WORK = "ansible-runner"
"""The type of work that a node has to offer; AWX uses the same."""
LEAVING = 10.0
"""Seconds for a worker to remove its files and to leave, once its run has ended."""
_PATIENCE = 15.0
"""Seconds for an answer of this machine's own receptor."""
_PING_SECONDS = 5.0
_MOST_ASKED = 16
_STEP = 65536
_AT_WORK = (0, 1)
"""The states of a unit that waits or runs."""


class MeshError(EngineError):
    """Receptor can't do what it was asked for."""

    def __init__(self, message: str, socket_path: Path) -> None:
        """``message`` says what it can't do."""
        remedy = f"see: dx-dispatch --nodes; the socket is {socket_path} (DX_RECEPTOR_SOCKET)"
        super().__init__(message, remedy)


class Node(Value):
    """A node of the mesh, as it has answered."""

    name: str
    signed: bool = False
    """It takes only signed work."""
    answer_ms: int | None = None
    """None if it does not answer."""
    error: str | None = None
    """Why no part of a run can go through it."""

    @property
    def usable(self) -> bool:
        """Whether a part of a run can go through it."""
        return self.error is None


def check_node(settings: Settings) -> None:
    """Raise MeshError unless the node that the settings name takes work."""
    if settings.receptor is None or settings.via is None:
        return
    receptor = Receptor(settings.receptor)
    found = receptor.find(settings.via)
    if not found.usable:
        raise MeshError(f"node {found.name}: {found.error}", receptor.socket_path)


class Receptor:
    """The receptor of this machine."""

    def __init__(self, socket_path: Path) -> None:
        """Connect for each request: receptor may be restarted in between."""
        self.socket_path = socket_path

    def names(self) -> list[str]:
        """Return the nodes that receptor has a route to, and itself. Raises MeshError."""
        status = self._ask({"command": "status"})
        return sorted({str(status["NodeID"]), *(status.get("RoutingTable") or {})})

    def nodes(self) -> list[Node]:
        """Return the nodes of the mesh, all of them asked at once. Raises MeshError."""
        with ThreadPoolExecutor(_MOST_ASKED, thread_name_prefix="dx-node") as threads:
            return list(threads.map(self.find, self.names()))

    def find(self, name: str) -> Node:
        """Ask a node itself what work it takes; what others say of it may be a minute old."""
        began = time.monotonic()
        try:
            status = self._ask_node(name, {"command": "status"})
        except MeshError as error:
            return Node(name=name, error=error.message)
        taken = round((time.monotonic() - began) * 1000)
        own = [each for each in status.get("Advertisements") or [] if each["NodeID"] == name]
        works = {work["WorkType"]: work for each in own for work in each.get("WorkCommands") or []}
        lacks = None if WORK in works else f"it takes no work of the type {WORK}"
        signed = bool(works.get(WORK, {}).get("Secure"))
        return Node(name=name, signed=signed, answer_ms=taken, error=lacks)

    def ping(self, node: str) -> str | None:
        """Return None if the node answers within seconds, else why it doesn't."""
        try:
            answer = self._ask({"command": "ping", "target": node}, _PING_SECONDS)
        except MeshError as error:
            return error.message
        return None if answer.get("Success") else str(answer.get("Error"))

    def submit(self, node: Node, payload: bytes, created: Callable[[str], None]) -> str:
        """Send work to a node, and return the id of its unit.

        ``created`` gets the id before anything can have started. Raises MeshError.
        """
        request = {"command": "work", "subcommand": "submit", "node": node.name, "worktype": WORK}
        if node.signed:
            request["signwork"] = "true"
        with self._connected(_PATIENCE) as talk:
            told = talk.ask(request)
            words = told.decode(errors="replace").split()
            if told[:1] == b"{" or "ID" not in words:
                raise self._refused(told)
            unit = words[words.index("ID") + 1].rstrip(".")
            created(unit)
            answer = talk.end_with(payload)
        if b'"unitid"' not in answer:
            raise self._refused(answer)
        return unit

    @contextmanager
    def results(
        self, unit: str, start: int = 0, node: str | None = None
    ) -> Iterator[Callable[[float], bytes | None]]:
        """Follow the output of a unit, from a byte on.

        A function returns what comes within some seconds: empty bytes at the end, None if nothing
        has come. Raises MeshError.

        ``node`` is asked itself, else this machine's receptor, which looks for output there only
        once a second. A node that takes only signed work refuses.
        """
        request = _work("results", unit) | {"startpos": start}
        with self._connected(_PATIENCE) as talk:
            if node is not None:
                self._connect(talk, node)
            told = talk.ask(request)
            if not told.startswith(b"Streaming"):
                raise self._refused(told)
            yield talk.read

    def has_ended(self, unit: str) -> bool:
        """Return whether receptor says that the work of a unit has ended. Raises MeshError."""
        return self._ask(_work("status", unit)).get("State") not in _AT_WORK

    def detail(self, unit: str) -> str:
        """Return receptor's words about a unit; they decide nothing."""
        try:
            found = self._ask(_work("status", unit))
        except MeshError as error:
            return error.message
        return " ".join(str(found.get("Detail") or found).split())

    def release(self, unit: str) -> None:
        """End the work of a unit and remove it, here and on its node. Raises MeshError.

        While the node is away, receptor goes on trying by itself; see `clear`.
        """
        for command in ("cancel", "release"):
            self._ask(_work(command, unit))

    def clear(self, units: Collection[str], node: str) -> set[str]:
        """Remove what is left of units that were released; return those that are still there.

        A node that was killed may have lost a unit that this machine's receptor keeps for ever,
        since it can't be removed there; or it keeps one that this receptor has never heard of.
        Raises MeshError, also while the node does not answer.
        """
        listing = {"command": "work", "subcommand": "list"}
        there = self._ask_node(node, listing).keys() & set(units)
        here = self._ask(listing).keys() & set(units)
        for unit in here - there:
            self._ask(_work("force-release", unit))
        for unit in there - here:
            self._ask_node(node, _work("release", unit))
        return here | there

    def _ask_node(self, name: str, question: dict[str, Any]) -> dict[str, Any]:
        """Return the answer of another node's own control service."""
        with self._connected(_PING_SECONDS) as talk:
            self._connect(talk, name)
            return self._read(talk.ask(question))

    def _connect(self, talk: _Talk, name: str) -> None:
        """Go on with another node's own control service. Raises MeshError."""
        told = talk.ask({"command": "connect", "node": name, "service": "control"})
        if not told.startswith(b"Connecting"):
            words = told.decode(errors="replace").removeprefix("ERROR:").strip()
            raise MeshError(f"it does not answer: {words}", self.socket_path)
        talk.line()  # its greeting

    def _ask(self, request: dict[str, Any], seconds: float = _PATIENCE) -> dict[str, Any]:
        with self._connected(seconds) as talk:
            return self._read(talk.ask(request))

    def _read(self, told: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(told)
        except ValueError:
            raise self._refused(told) from None
        return answer if isinstance(answer, dict) else {}

    @contextmanager
    def _connected(self, seconds: float) -> Iterator[_Talk]:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
                peer.settimeout(seconds)
                peer.connect(str(self.socket_path))
                talk = _Talk(peer)
                talk.line()  # its greeting
                yield talk
        except TimeoutError:
            raise MeshError("receptor does not answer in time", self.socket_path) from None
        except OSError as error:
            message = f"receptor can't be asked: {error.strerror or error}"
            raise MeshError(message, self.socket_path) from error

    def _refused(self, told: bytes) -> MeshError:
        words = " ".join(told.decode(errors="replace").split()) or "it hung up"
        return MeshError(f"receptor refuses: {words[:500]}", self.socket_path)


def _work(subcommand: str, unit: str) -> dict[str, Any]:
    """Return a request about a unit of work."""
    return {"command": "work", "subcommand": subcommand, "unitid": unit}


class _Talk:
    """A connection to the control socket."""

    def __init__(self, peer: socket.socket) -> None:
        self._peer, self._buffer = peer, b""

    def line(self) -> bytes:
        while b"\n" not in self._buffer:
            piece = self._peer.recv(_STEP)
            if not piece:
                break
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def ask(self, request: dict[str, Any]) -> bytes:
        self._peer.sendall(json.dumps(request).encode() + b"\n")
        return self.line()

    def end_with(self, data: bytes) -> bytes:
        """Send the rest of a request, and return the answer."""
        self._peer.sendall(data)
        self._peer.shutdown(socket.SHUT_WR)
        return self.line()

    def read(self, seconds: float) -> bytes | None:
        """Return what comes next; empty at the end, and None if nothing comes in time."""
        if self._buffer:
            found, self._buffer = self._buffer, b""
            return found
        self._peer.settimeout(seconds)
        try:
            return self._peer.recv(_STEP)
        except TimeoutError:
            return None
        except OSError:
            return b""
