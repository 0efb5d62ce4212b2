"""One part of a run at one node: the work is sent, and its events come back."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

from dxansible.mesh.receptor import LEAVING, MeshError
from dxansible.mesh.route import Lost

if TYPE_CHECKING:
    from collections.abc import Callable

    from dxansible.mesh.receptor import Node, Receptor
    from dxansible.mesh.units import Units

__all__ = ["SIGN_OF_LIFE", "Part"]

_LOOK = 0.2
"""Seconds between looks at whether the call was cancelled."""
_PING_EVERY = 2.0
_MOST_FAILED = 2
"""Pings in a row without an answer, after which a node is lost."""
_SILENT = 2.0
"""A node whose pings fail is not lost while output comes."""
SIGN_OF_LIFE = 10.0
"""Seconds after which a run at a node tells that it goes on, if it has no news."""
_MOST_SILENT = 40.0
"""Seconds of silence after which a run is lost that has given such a sign."""
_STARTING = 120.0
"""The same before the first sign; a busy node takes its time to start Ansible."""
_LONGEST = 64 * 2**20
"""Bytes of a line of a worker, which has the news of many hosts."""
_PAUSES = (0.02, 0.05, 0.1, 0.2)
"""Seconds between the tries to read a unit at its node, which hears of it a moment later."""
_SIGNS = frozenset({"keepalive", "runner_retry"})
_ENDS = frozenset({"successful", "failed", "error", "canceled", "timeout"})
_MOST_SHOWN = 300


class Part:
    """One part of a run, at one node."""

    def __init__(
        self,
        receptor: Receptor,
        node: Node,
        units: Units,
        on_event: Callable[[dict[str, Any]], bool],
        cancelled: threading.Event,
    ) -> None:
        """``on_event`` gets ansible-runner's raw events; it returns whether the last has come."""
        self._receptor, self._node, self._units = receptor, node, units
        self._on_event, self._cancelled = on_event, cancelled
        self._unit = ""
        """Empty until there is one."""
        self._over = threading.Event()
        self._unreachable: str | None = None
        self._alive = False
        """Whether it has given a sign of life since Ansible began to start."""
        self._heard = time.monotonic()
        self._noise = ""
        """The last line that was none of a worker's."""
        self._size = 0
        """Bytes of its output that were read."""
        self._pieces: list[bytes] = []
        """The pieces of a line whose end is still to come."""
        self._told = self._ended = False
        """Whether all events that are wanted have come, and whether the worker says its last."""

    def follow(self, payload: bytes) -> None:
        """Send the part to its node, and follow it until its last event has come, or its end.

        Returns early once ``cancelled`` is set. No unit is left in any case. Raises Lost.
        """
        try:
            unit = self._receptor.submit(self._node, payload, self._note)
            self._heard = time.monotonic()
            threading.Thread(target=self._watch, name="dx-ping", daemon=True).start()
            if self._node.signed or not self._read_there(unit):
                self._read_here(unit)
        except MeshError as error:
            raise Lost(error.message, started=bool(self._unit)) from error
        finally:
            self._over.set()
            if self._unit:
                self._units.release(self._unit, leaving=self._told and not self._ended)

    def _note(self, unit: str) -> None:
        self._unit = unit
        self._units.created(unit, self._node.name)

    def _read_there(self, unit: str) -> bool:
        """Read the output at the node itself; return whether it was read to its end."""
        for pause in _PAUSES:
            try:
                with self._receptor.results(unit, self._size, self._node.name) as read:
                    return self._read(read)
            except MeshError:
                time.sleep(pause)
        return False

    def _read_here(self, unit: str) -> None:
        """Read the output as this machine's receptor brings it. Raises Lost, MeshError."""
        with self._receptor.results(unit, self._size) as read:
            if not self._read(read):
                raise Lost(f"its work has ended early: {self._explain()}", started=True)

    def _read(self, read: Callable[[float], bytes | None]) -> bool:
        """Return False if the output ends too early."""
        while not (self._told or self._cancelled.is_set()):
            found = read(_LOOK)
            if found is None:
                if self._ended and time.monotonic() - self._heard > LEAVING:
                    break
                self._check_silence()
                continue
            if not found:
                return self._ended
            self._heard = time.monotonic()
            self._size += len(found)
            *whole, rest = found.split(b"\n")
            for line in whole:
                self._take(b"".join([*self._pieces, line]))
                self._pieces = []
            self._pieces.append(rest)
            if sum(map(len, self._pieces)) > _LONGEST:
                raise Lost("it has sent a line without an end", started=True)
        return True

    def _check_silence(self) -> None:
        silent = time.monotonic() - self._heard
        if self._ended:
            return
        if self._unreachable is not None and silent > _SILENT:
            raise Lost(self._unreachable, started=True)
        if silent > (_MOST_SILENT if self._alive else _STARTING):
            raise Lost(f"it has been silent for {silent:.0f} s", started=True)

    def _take(self, line: bytes) -> None:
        if self._ended or not line:
            return
        try:
            found = json.loads(line)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            self._noise = line[:_MOST_SHOWN].decode(errors="replace")
        elif "status" in found:
            self._ended = found["status"] in _ENDS
            self._noise = str(found.get("job_explanation") or self._noise)
        elif "event" in found:
            self._alive |= found["event"] in _SIGNS
            self._told |= self._on_event(found)

    def _explain(self) -> str:
        return f"{self._noise} {self._receptor.detail(self._unit)}".strip()

    def _watch(self) -> None:
        failed = 0
        while not self._over.wait(_PING_EVERY):
            why = self._receptor.ping(self._node.name)
            failed = 0 if why is None else failed + 1
            self._unreachable = why if failed >= _MOST_FAILED else None
