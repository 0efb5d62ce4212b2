"""Starts an engine in the background, and ends those that were not used for the longest time."""

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

from dxansible.engine.fingerprint import directory, environment_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["lock", "make_room", "remove_traces", "start"]

_MOST, _LEAST = 32, 4
_SHARE = 4
"""The part of the machine's memory that engines may have together."""
_SIZE = 100 * 2**20
"""Bytes that an engine has about, with all its processes."""
_STALE_REFUSAL = 3600.0
_MAIN = f"{os.path.dirname(__file__)}/__main__.py"


def start(
    path: str,
    inventory: Sequence[str],
    playbooks: str,
    environment: Mapping[str, str],
    runtime_dir: str,
) -> bool:
    """Start one with the socket at ``path``; False if there is one, or it is just being started."""
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
        # the keeper of a VM must not take the engine for a part of the session that started it
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
    process.stdin.write(json.dumps(order).encode())  # which has room for it
    process.stdin.close()
    # it forks at once, and the engine is nobody's child
    threading.Thread(target=process.wait, daemon=True).start()
    return True


def lock(path: str) -> int | None:
    """The lock of the engine at ``path``, as a file descriptor; None while it is held."""
    name = f"{path}.lock"
    held = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        flock(held, LOCK_EX | LOCK_NB)
        if os.fstat(held).st_ino == os.stat(name).st_ino:
            return held
    except OSError:
        pass  # it is held, or was removed by an engine that has just left
    os.close(held)
    return None


def remove_traces(path: str) -> None:
    """Remove what an engine leaves that was killed, but for its lock."""
    place, _, name = path.rpartition("/")
    for trace in os.listdir(place):
        if trace.startswith(name) and not trace.endswith(".lock"):
            _remove(f"{place}/{trace}")


def make_room(ours: str) -> None:
    """End the engines that were used longest ago, where there are too many."""
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
            continue  # it is just starting, or leaving
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
