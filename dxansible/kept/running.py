"""The engines of this user: starts one in the background, finds those that run, and ends them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import TYPE_CHECKING

from dxansible.kept.fingerprint import EngineUnusable, check_directory, directory, environment_of
from dxansible.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["RunningEngine", "lock", "make_room", "running_engines", "start", "stop_engines"]

_MOST, _LEAST = 32, 4
_SHARE = 4
"""Divisor: engines together may use this fraction of the machine's memory."""
_SIZE = 100 * 2**20
"""Approximate memory of one engine with all its processes, in bytes."""
_STALE_REFUSAL = 3600.0
_PATIENCE = 1.0
"""Seconds for an engine to leave by itself."""
_MAIN = f"{os.path.dirname(__file__)}/__main__.py"


class RunningEngine(Value):
    """One engine."""

    path: str
    """Its socket."""
    pid: int
    seconds: int
    """Its age."""
    used: float
    """When it took its last call, in seconds since 1970."""


def start(
    path: str,
    inventory: Sequence[str],
    playbooks: str,
    environment: Mapping[str, str],
    runtime_dir: str,
) -> bool:
    """Start the engine with the socket at ``path``; False if it runs or is just starting."""
    held = lock(path)
    if held is None:
        return False
    try:
        _remove_traces(path)
        make_room(path)
        order = {
            "path": path,
            "lock": held,
            "inventory": list(inventory),
            "playbooks": playbooks,
            "runtime_dir": runtime_dir,
            "idle": environment.get("DX_ENGINE_IDLE", ""),
        }
        # a VM's keeper must not count the engine as part of the session that started it
        shared = environment_of(environment) | {"DX_SESSION_TAG": "<client>"}
        process = subprocess.Popen(
            [sys.executable, "-P", _MAIN],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(held,),
            env=shared,
            start_new_session=True,
        )
    finally:
        os.close(held)
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    process.stdin.write(json.dumps(order).encode())  # fits into the pipe's buffer
    process.stdin.close()
    # reap the child: it forks the engine and exits at once
    threading.Thread(target=process.wait, daemon=True).start()
    return True


def lock(path: str) -> int | None:
    """Take the lock of the engine at ``path``; return its descriptor, None if it is held."""
    name = f"{path}.lock"
    held = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        flock(held, LOCK_EX | LOCK_NB)
        if os.fstat(held).st_ino == os.stat(name).st_ino:
            return held
    except OSError:
        pass  # it is held, or an engine that has just left removed it
    os.close(held)
    return None


def _remove_traces(path: str) -> None:
    """Remove the files of a killed engine, except its lock."""
    place, _, name = path.rpartition("/")
    for trace in os.listdir(place):
        if trace.startswith(name) and not trace.endswith(".lock"):
            Path(place, trace).unlink(missing_ok=True)


def make_room(ours: str) -> None:
    """End the least recently used engines if there are too many beside the one at ``ours``."""
    for refusal in Path(directory()).glob("*.unfit"):
        with suppress(FileNotFoundError):
            if time.time() - refusal.lstat().st_mtime > _STALE_REFUSAL:
                refusal.unlink()
    others = [each for each in running_engines() if each.path != ours]
    others.sort(key=lambda each: each.used)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    most = max(_LEAST, min(_MOST, memory // _SHARE // _SIZE))
    for each in others[: max(0, len(others) + 1 - most)]:
        with suppress(ProcessLookupError):
            os.kill(each.pid, signal.SIGTERM)


def running_engines() -> list[RunningEngine]:
    """Find engines by the locks that they hold; remove the files of killed ones."""
    try:
        check_directory()
    except EngineUnusable:
        return []
    found = []
    for file in sorted(Path(directory()).glob("*.lock")):
        path = str(file.with_suffix(""))
        with suppress(OSError, ValueError):  # one is starting or leaving
            held = lock(path)
            if held is not None:
                _remove_traces(path)
                file.unlink(missing_ok=True)
                os.close(held)
                continue
            pid, began = map(int, file.read_text().split())
            age = max(0, int(time.time() - began))
            used = file.stat().st_mtime
            found.append(RunningEngine(path=path, pid=pid, seconds=age, used=used))
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
