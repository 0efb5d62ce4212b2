"""Keeps no unit of a call after the call, whatever becomes of the call's process.

The process of this module's ``main`` hears which units the call has. When the call ends, even by
``kill -9``, it ends those that are left, and waits until each unit is gone here and on its node.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dxansible.mesh.receptor import LEAVING, MeshError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dxansible.mesh.receptor import Receptor

__all__ = ["Units", "main"]

_PATIENCE = 600.0
"""Seconds for receptor and for lost nodes to come back."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_PATIENT = 2.0
"""Seconds for the other process to end, if nothing is left for it."""


class Units:
    """The units of one call."""

    def __init__(self, receptor: Receptor) -> None:
        """Nothing is started before the first unit."""
        self._receptor, self._lock = receptor, threading.Lock()
        self._keeper: subprocess.Popen[bytes] | None = None
        self._leaving = False
        """Whether the other process has something to wait for."""

    def created(self, unit: str, node: str) -> None:
        """Note a new unit, before anything can have started."""
        self._tell(f"+{unit} {node}")

    def release(self, unit: str, *, leaving: bool = False) -> None:
        """End a unit; if receptor does not answer now, the other process ends it later.

        So it does with a unit that is leaving: its worker is just removing its own files.
        """
        if leaving:
            self._leaving = True
            self._tell(f"~{unit}")
            return
        with suppress(MeshError):
            self._receptor.release(unit)
            self._tell(f"-{unit}")

    def close(self) -> None:
        """Leave to the other process what is left of the units."""
        if self._keeper is not None and self._keeper.stdin is not None:
            with suppress(OSError):
                self._keeper.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                self._keeper.wait(0 if self._leaving else _PATIENT)

    def _tell(self, line: str) -> None:
        with self._lock:
            if self._keeper is None:
                command = [sys.executable, "-m", __name__, str(self._receptor.socket_path)]
                self._keeper = subprocess.Popen(
                    command, cwd="/", start_new_session=True, stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )  # fmt: skip
            with suppress(OSError):
                self._keeper.stdin.write(f"{line}\n".encode())  # type: ignore[union-attr] # it is a pipe
                self._keeper.stdin.flush()  # type: ignore[union-attr] # as above


def main(socket_path: str, lines: Iterable[str]) -> None:
    """Hear of units, until the call has ended; then remove what is left of them."""
    from dxansible.mesh.receptor import Receptor  # noqa: PLC0415 - as a type above

    at: dict[str, set[str]] = {}
    unreleased: set[str] = set()
    leaving: set[str] = set()
    for line in lines:
        unit, _, node = line[1:].strip().partition(" ")
        match line[0]:
            case "+":
                at.setdefault(node, set()).add(unit)
                unreleased.add(unit)
            case "~":
                leaving.add(unit)
            case _:
                unreleased.discard(unit)
    receptor, pause = Receptor(Path(socket_path)), _FIRST_PAUSE
    _wait_for(receptor, leaving, time.monotonic() + LEAVING)
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        for unit in list(unreleased):
            with suppress(MeshError):
                receptor.release(unit)
                unreleased.discard(unit)
        for node, units in list(at.items()):
            with suppress(MeshError):
                units.intersection_update(receptor.clear(units, node))
            if not units:
                del at[node]
        if not at:
            return
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


def _wait_for(receptor: Receptor, units: set[str], deadline: float) -> None:
    """Wait until the workers of these units have left, but no longer than to the deadline."""
    for unit in units:
        with suppress(MeshError):
            while not receptor.has_ended(unit) and time.monotonic() < deadline:
                time.sleep(_FIRST_PAUSE)


if __name__ == "__main__":
    main(sys.argv[1], sys.stdin)
