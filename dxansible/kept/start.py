"""Starts an engine in the background, and ends the least recently used ones."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from fcntl import LOCK_EX, LOCK_NB, flock
from typing import TYPE_CHECKING

from dxansible.kept.fingerprint import directory, environment_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["lock", "make_room", "remove_traces", "start"]

_MOST, _LEAST = 32, 4
_SHARE = 4
"""Divisor: engines together may use this fraction of the machine's memory."""
_SIZE = 100 * 2**20
"""Approximate memory of one engine with all its processes, in bytes."""
_STALE_REFUSAL = 3600.0
_MAIN = f"{os.path.dirname(__file__)}/__main__.py"


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
        remove_traces(path)
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


def remove_traces(path: str) -> None:
    """Remove the files of a killed engine, except its lock."""
    place, _, name = path.rpartition("/")
    for trace in os.listdir(place):
        if trace.startswith(name) and not trace.endswith(".lock"):
            _remove(f"{place}/{trace}")


def make_room(ours: str) -> None:
    """End the least recently used engines if there are too many."""
    place = directory()
    known: list[tuple[float, int]] = []
    for name in os.listdir(place):
        path = f"{place}/{name}".removesuffix(".lock")
        if name.endswith(".unfit"):
            _remove_old(path)
        if not name.endswith(".lock") or path == ours:
            continue
        held = lock(path)
        if held is not None:
            remove_traces(path)
            _remove(f"{path}.lock")
            os.close(held)
            continue
        try:
            with open(f"{path}.lock") as file:
                known.append((os.stat(f"{path}.lock").st_mtime, int(file.read().split()[0])))
        except (OSError, ValueError, IndexError):
            continue  # it is starting or leaving
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    most = max(_LEAST, min(_MOST, memory // _SHARE // _SIZE))
    for _, pid in sorted(known)[: max(0, len(known) + 1 - most)]:
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            continue


def _remove_old(refusal: str) -> None:
    try:
        if time.time() - os.lstat(refusal).st_mtime > _STALE_REFUSAL:
            os.unlink(refusal)
    except FileNotFoundError:
        return


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
