"""The engines that this user has running, and how to end them."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dxansible.kept.fingerprint import EngineUnusable, check_directory, directory
from dxansible.kept.start import lock, remove_traces
from dxansible.value import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["RunningEngine", "running_engines", "stop_engines"]

_PATIENCE = 1.0
"""Seconds for an engine to leave by itself."""


class RunningEngine(Value):
    """One engine."""

    pid: int
    seconds: int
    """Its age."""
    path: Path
    """Its socket."""


def running_engines() -> list[RunningEngine]:
    """Find engines by the locks that they hold; remove the files of killed ones."""
    try:
        check_directory()
    except EngineUnusable:
        return []
    found = []
    for file in sorted(Path(directory()).glob("*.lock")):
        path = file.with_suffix("")
        with suppress(OSError, ValueError):
            if _is_held(path):
                pid, began = map(int, file.read_text().split())
                age = max(0, int(time.time() - began))
                found.append(RunningEngine(pid=pid, seconds=age, path=path))
    return found


def stop_engines(engines: Sequence[RunningEngine]) -> None:
    """Make engines take no more calls; calls that have begun run to their ends.

    An engine that does not leave in time is killed; its calls continue without it.
    """
    for engine in engines:
        with suppress(ProcessLookupError):
            os.kill(engine.pid, signal.SIGTERM)
    deadline = time.monotonic() + _PATIENCE
    for engine in engines:
        # by pid: a waiting call may start another engine under the same name
        while engine.pid in {each.pid for each in running_engines()}:
            if time.monotonic() > deadline:
                with suppress(ProcessLookupError):
                    os.kill(engine.pid, signal.SIGKILL)
            time.sleep(0.01)


def _is_held(path: Path) -> bool:
    if not path.with_name(f"{path.name}.lock").exists():
        return False
    held = lock(str(path))
    if held is None:
        return True
    remove_traces(str(path))
    path.with_name(f"{path.name}.lock").unlink(missing_ok=True)
    os.close(held)
    return False
