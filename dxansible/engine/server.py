"""The engine itself: loads a program, then forks for each call until nobody has called for a while.

It does no more than that, so that nothing of a call can become part of the next: a fork of its own,
the call's warden, reads the request, and a fork of that runs it. There are no threads.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress

if __name__ == "__main__":
    _root = __file__.rsplit(os.sep, 3)[0]
    if _root not in sys.path:
        sys.path.insert(0, _root)

from dxansible.engine import starter
from dxansible.engine.programs import Program, load
from dxansible.engine.title import Title
from dxansible.engine.warden import Engine, attend, replace_environment
from dxansible.engine.wire import unpack

__all__ = ["main"]

_IDLE = 600.0
"""Seconds without a call."""
_BACKLOG = 128
_EXPECTED = 0.5
"""Seconds within which whoever started an engine calls it."""


def main() -> None:
    """Be an engine, as the order says that comes with file descriptor 4."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    with os.fdopen(starter.ORDER_FD, "rb") as file:
        program, path, root, place, idle, context, environment, sources = unpack(file.read())
    title = Title.find()
    title.write([b"dx-engine", program])
    replace_environment(unpack(environment))
    os.chdir(place)
    inventory = [os.fsdecode(source) for source in unpack(sources)]
    loaded = _load(os.fsdecode(program), os.fsdecode(root), os.fsdecode(path), inventory)
    os.chdir("/")
    engine = Engine(context=context, title=title, program=loaded)
    _serve(os.fsdecode(path), engine, _seconds(idle))


def _load(name: str, root: str, path: str, inventory: list[str]) -> Program:
    """Load the program, or leave word for the calls to come that it can't be done."""
    try:
        return load(name, root, inventory)
    except BaseException as error:
        with open(f"{path}.unfit", "w", encoding="utf-8", opener=_private) as file:
            file.write(str(error) or type(error).__name__)
        _remove(f"{path}.lock")
        raise


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _seconds(text: bytes) -> float:
    try:
        return max(0.1, float(text))
    except ValueError:
        return _IDLE


def _serve(path: str, engine: Engine, idle: float) -> None:
    awake, wake = os.pipe()
    os.set_blocking(awake, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    listener = socket.socket(socket.AF_UNIX)
    try:
        _listen(listener, path)
        _accept_calls(listener, awake, (awake, wake, starter.LOCK_FD), engine, idle)
    finally:
        if engine.pid == os.getpid():
            _remove(path)
            _remove(f"{path}.lock")


def _listen(listener: socket.socket, path: str) -> None:
    """Have the socket appear when it is ready, and 0600 from its first moment."""
    new = f"{path}.new"
    _remove(new)
    umask = os.umask(0o177)
    listener.bind(new)
    os.umask(umask)
    listener.listen(_BACKLOG)
    os.rename(new, path)


def _accept_calls(
    listener: socket.socket, awake: int, ours: tuple[int, ...], engine: Engine, idle: float
) -> None:
    wardens = 0
    finished = False
    last = time.monotonic()
    while wardens or time.monotonic() < last + idle:
        patience = idle if finished else min(idle, _EXPECTED)
        ready = select.select([listener.fileno(), awake], [], [], patience)[0]
        if awake in ready:
            os.read(awake, 4096)
        wardens -= _reap()
        if listener.fileno() in ready:
            line, _ = listener.accept()
            last = time.monotonic()
            if os.fork() == 0:
                signal.set_wakeup_fd(-1)
                listener.close()
                for fd in ours:
                    os.close(fd)
                attend(line, engine)
            wardens += 1
            line.close()
        elif wardens == 0 and awake in ready:
            last = time.monotonic()
        if not finished:
            engine.program.finish()
            finished = True


def _reap() -> int:
    count = 0
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            count += 1
    except ChildProcessError:
        pass
    return count


def _remove(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


if __name__ == "__main__":
    main()
