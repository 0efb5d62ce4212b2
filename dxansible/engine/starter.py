"""Starts an engine in the background, for the calls to come."""

from __future__ import annotations

import os
import sys
from fcntl import LOCK_EX, LOCK_NB, flock

from dxansible.engine.caller import directory, shared_environment
from dxansible.engine.wire import pack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["LOCK_FD", "ORDER_FD", "lock", "start"]

LOCK_FD, ORDER_FD = 3, 4
_MOST_ENGINES = 8
_ORDER_LIMIT = 60_000
"""Bytes; a pipe takes as much without a reader."""
_ROOM = " " * 16_000
"""An argument that says nothing: the calls write their own command lines over it."""
_KEPT = (
    "PYTHON",
    "LC_",
    "LD_",
    "GLIBC_",
    "MALLOC_",
    "OPENSSL_",
    "SSL_",
    "NIX_",
    "LANG",
    "TZ",
    "HOME",
)


def start(program: str, path: str, text: bytes, root: str, sources: Sequence[str] = ()) -> bool:
    """Start one unless another has begun with it; False if there are too many."""
    held = lock(path)
    if held is None:
        return True
    for trace in (path, f"{path}.unfit"):  # of one that was killed, or could not load
        _remove(trace)
    shared = shared_environment(program)
    idle = os.environ.get("DX_ENGINE_IDLE", "")
    order = pack(
        [
            *map(os.fsencode, (program, path, root, os.getcwd(), idle)),
            text,
            pack(os.fsencode(f"{name}={value}") for name, value in shared.items()),
            pack(map(os.fsencode, sources)),
        ]
    )
    starts = len(order) <= _ORDER_LIMIT and _room_for_another(os.path.basename(path) + ".lock")
    if starts:
        child = os.fork()
        if child == 0:
            try:
                _become(order, held, program, root)
            finally:
                os._exit(1)
        os.waitpid(child, 0)
    else:
        os.unlink(f"{path}.lock")
    os.close(held)
    return starts


def lock(path: str) -> int | None:
    """The lock of the engine at ``path``, as a file descriptor; None while another has it."""
    name = f"{path}.lock"
    held = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        flock(held, LOCK_EX | LOCK_NB)
        if os.fstat(held).st_ino == os.stat(name).st_ino:
            return held
    except OSError:
        pass  # it is held, or was removed by an engine that has just ended
    os.close(held)
    return None


def _room_for_another(ours: str) -> bool:
    """Count the engines; the traces of those that were killed go first."""
    place = directory()
    engines = 0
    for name in os.listdir(place):
        if name.endswith(".lock") and name != ours:
            path = f"{place}/{name}".removesuffix(".lock")
            held = lock(path)
            if held is None:
                engines += 1
                continue
            for trace in (path, f"{path}.new", f"{path}.unfit", f"{path}.lock"):
                _remove(trace)
            os.close(held)
    return engines < _MOST_ENGINES


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def _become(order: bytes, held: int, program: str, root: str) -> None:
    """In a fork of the client: have a process of its own, with nothing of ours, be the engine."""
    os.setsid()
    if os.fork():
        os._exit(0)
    os.ftruncate(held, 0)
    os.pwrite(held, f"{os.getpid()} {program}\n".encode(), 0)
    os.chdir("/")
    os.umask(0o077)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    os.write(writer, order)
    os.close(writer)
    reader, held = _high(reader), _high(held)
    nothing = os.open(os.devnull, os.O_RDWR)
    for source, target in ((nothing, 0), (nothing, 1), (nothing, 2), (held, 3), (reader, 4)):
        os.dup2(source, target)
    os.closerange(5, os.sysconf("SC_OPEN_MAX"))
    shared = shared_environment(program)
    environment = {name: value for name, value in shared.items() if name.startswith(_KEPT)}
    # the keeper of a VM must not take the engine for a part of the session that started it
    environment |= {"PATH": os.defpath, "DX_SESSION_TAG": "<client>"}
    script = f"{root}/dxansible/engine/server.py"
    os.execve(sys.executable, [sys.executable, "-P", script, _ROOM], environment)  # noqa: S606 - our own


def _high(fd: int) -> int:
    from fcntl import F_DUPFD, fcntl  # noqa: PLC0415 - in the fork only

    return fcntl(fd, F_DUPFD, 10)
