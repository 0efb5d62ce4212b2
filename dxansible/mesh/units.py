"""Keeps no unit of a call after the call, whatever becomes of the call's process.

The process of this module's ``main`` hears which units the call has. It ends and removes those that
are left when the call ends, even after ``kill -9``.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dxansible.mesh.receptor import MeshError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dxansible.mesh.receptor import Receptor

__all__ = ["Units", "main"]

_PATIENCE = 600.0
"""Seconds for receptor to come back, if it does not run when the call ends."""
_PAUSE = 1.0
_LEAVING = 2.0
"""Seconds for the other process to end, if nothing is left for it."""


class Units:
    """The units of one call."""

    def __init__(self, receptor: Receptor) -> None:
        """Nothing is started before the first unit."""
        self._receptor, self._lock = receptor, threading.Lock()
        self._keeper: subprocess.Popen[bytes] | None = None

    def created(self, unit: str) -> None:
        """Note a new unit."""
        self._tell(f"+{unit}")

    def release(self, unit: str) -> None:
        """End a unit; if receptor does not answer now, the other process ends it later."""
        with suppress(MeshError):
            self._receptor.release(unit)
            self._tell(f"-{unit}")

    def close(self) -> None:
        """Leave the units that are left to the other process."""
        if self._keeper is not None and self._keeper.stdin is not None:
            with suppress(OSError):
                self._keeper.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                self._keeper.wait(_LEAVING)

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
    """Hear of units, until the call has ended; then remove those that are left."""
    from dxansible.mesh.receptor import Receptor  # noqa: PLC0415 - as a type above

    left: dict[str, None] = {}
    for line in lines:
        if line.startswith("+"):
            left[line[1:].strip()] = None
        else:
            left.pop(line[1:].strip(), None)
    receptor, deadline = Receptor(Path(socket_path)), time.monotonic() + _PATIENCE
    while left and time.monotonic() < deadline:
        for unit in list(left):
            with suppress(MeshError):
                receptor.release(unit)
                del left[unit]
        if left:
            time.sleep(_PAUSE)


if __name__ == "__main__":
    main(sys.argv[1], sys.stdin)
