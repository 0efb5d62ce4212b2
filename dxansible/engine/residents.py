"""The engines that this user has running, and how to end them."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dxansible.engine.caller import Unfit, directory
from dxansible.engine.client import check_directory
from dxansible.engine.starter import lock

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Resident", "running", "stop"]

_PATIENCE = 1.0
"""Seconds for an engine to end by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """One engine."""

    pid: int
    program: str
    seconds: int
    """Since it was started."""
    path: Path
    """Its socket."""


def running() -> list[Resident]:
    """Find them by the locks that they hold; the traces of killed ones don't count."""
    try:
        check_directory()
    except Unfit:
        return []
    found = []
    for file in sorted(Path(directory()).glob("*.lock")):
        path = file.with_suffix("")
        with suppress(OSError, ValueError):
            if not _free(path):
                pid, program = file.read_text().split()
                age = time.time() - file.stat().st_mtime
                found.append(Resident(pid=int(pid), program=program, seconds=int(age), path=path))
    return found


def stop(residents: Sequence[Resident]) -> None:
    """End them, by force where need be; calls that they have begun go on to their ends."""
    for resident in residents:
        with suppress(ProcessLookupError):
            os.kill(resident.pid, signal.SIGTERM)
    deadline = time.monotonic() + _PATIENCE
    for resident in residents:
        # by its pid: a call that waited for it starts another of that name
        while resident.pid in {each.pid for each in running()}:
            if time.monotonic() > deadline:
                with suppress(ProcessLookupError):
                    os.kill(resident.pid, signal.SIGKILL)
            time.sleep(0.01)


def _free(path: Path) -> bool:
    """Whether no engine has the lock; then what a killed one has left is removed."""
    if not path.with_name(f"{path.name}.lock").exists():
        return True
    held = lock(str(path))
    if held is None:
        return False
    path.unlink(missing_ok=True)
    path.with_name(f"{path.name}.lock").unlink(missing_ok=True)
    os.close(held)
    return True
