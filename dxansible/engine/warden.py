"""The warden of one call: takes the request, starts the call, and sees it to its end.

A process of its own, so that the engine never waits for a client, and a killed engine takes no
call with it. The client's line is its life line: when it ends, the call is killed.
"""

from __future__ import annotations

import array
import atexit
import ctypes
import os
import select
import signal
import socket
import struct
import sys
import threading
import traceback
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

from dxansible.engine.wire import FIELDS, GO, LENGTH, NO, YES, unpack

if TYPE_CHECKING:
    from dxansible.engine.programs import Program
    from dxansible.engine.title import Title

__all__ = ["Engine", "attend", "replace_environment"]

_PATIENCE = 5.0
"""Seconds for a client to say what it wants, and to say go."""
_MOST_FDS = 250
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What a warden has of its engine."""

    context: bytes = field(repr=False)
    title: Title
    program: Program
    pid: int = field(default_factory=os.getpid)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    arguments: list[bytes]
    numbers: list[int]
    """Of its file descriptors."""
    ignored: int
    blocked: int
    package: str
    token: str


class _Refused(Exception):  # noqa: N818 - an answer, not an error
    pass


def attend(line: socket.socket, engine: Engine) -> NoReturn:
    """Be the warden of whoever has connected; the process ends with the call."""
    try:
        for number in (signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        line.settimeout(_PATIENCE)
        call = _agree(line, engine)
        if call is not None:
            fds = _wait_for_go(line, call)
            _run(line, call, fds, engine)
    except OSError:
        pass  # the client has gone before anything began
    finally:
        os._exit(0)


def _agree(line: socket.socket, engine: Engine) -> _Call | None:
    """The call, if the client has been told yes."""
    try:
        call = _take(line, engine)
    except _Refused as reason:
        line.sendall(NO + str(reason).encode())
        return None
    line.sendall(YES)
    return call


def _wait_for_go(line: socket.socket, call: _Call) -> dict[int, int]:
    """The caller's number of each file descriptor, and ours. Raises OSError if there is no go."""
    fds = array.array("i")
    room = socket.CMSG_LEN(_MOST_FDS * fds.itemsize)
    word, messages, _, _ = line.recvmsg(1, room, socket.MSG_CMSG_CLOEXEC)
    for level, kind, data in messages:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    if word != GO or len(fds) != len(call.numbers):
        raise ConnectionAbortedError("the client has left")
    return dict(zip(call.numbers, fds, strict=True))


def _take(line: socket.socket, engine: Engine) -> _Call:
    credentials = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    if struct.unpack("3i", credentials)[1] != os.geteuid():
        raise _Refused("another user's engine")
    try:
        context, *rest = unpack(_receive(line))
        fields = dict(zip(FIELDS, rest, strict=True))
        numbers = [int(number) for number in unpack(fields["fds"])]
    except ValueError:
        raise _Refused("the request makes no sense") from None
    if context != engine.context:
        raise _Refused("it is for another context")
    _move_to(fields)
    if engine.program.stale():
        os.kill(engine.pid, signal.SIGTERM)
        raise _Refused("it is out of date")
    arguments = unpack(fields["arguments"])
    if not engine.title.write(_shown(arguments)):
        raise _Refused("the command line is too long")
    return _Call(
        arguments=arguments,
        numbers=numbers,
        ignored=int(fields["ignored"], 16),
        blocked=int(fields["blocked"], 16),
        package=fields["package"].decode(),
        token=fields["token"].decode(),
    )


def _receive(line: socket.socket) -> bytes:
    missing = int.from_bytes(line.recv(LENGTH), "big")
    parts = []
    while missing:
        parts.append(line.recv(min(missing, 2**20)))
        missing -= len(parts[-1])
        if not parts[-1]:
            raise ValueError("the request is cut off")
    return b"".join(parts)


def _move_to(fields: dict[str, bytes]) -> None:
    """Be where the caller is, with its environment."""
    try:
        os.chdir(fields["directory"])
    except OSError:
        raise _Refused("it can't go to the working directory") from None
    os.umask(int(fields["umask"]))
    replace_environment(unpack(fields["environment"]))


def replace_environment(variables: list[bytes]) -> None:
    """Have these variables (``NAME=value``) and no other."""
    os.environ.clear()
    for variable in variables:
        name, _, value = variable.partition(b"=")
        os.environb[name] = value


def _shown(arguments: list[bytes]) -> list[bytes]:
    """What others may see of the arguments: all of ansible-playbook's, none of a person's."""
    name = arguments[0].rpartition(b"/")[2]
    return arguments if name == b"ansible-playbook" else [b"dx-dispatch"]


def _run(line: socket.socket, call: _Call, fds: dict[int, int], engine: Engine) -> None:
    awake, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    warden = os.getpid()
    child = os.fork()
    if child == 0:
        signal.set_wakeup_fd(-1)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        for fd in (awake, wake, line.detach()):
            os.close(fd)
        if os.getppid() == warden:
            _be(call, fds, engine)
        os._exit(1)
    for fd in fds.values():
        os.close(fd)
    line.settimeout(None)
    status = _accompany(line, awake, child)
    how = b"s" if os.WIFSIGNALED(status) else b"e"
    value = os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    line.sendall(how + bytes([value]))


def _accompany(line: socket.socket, awake: int, child: int) -> int:
    """Pass signals on until the call has ended; return how. Kill it if the client ends first."""
    listening = True
    while True:
        ready = select.select([awake, *([line.fileno()] if listening else [])], [], [])[0]
        if line.fileno() in ready:
            try:
                numbers = line.recv(16)
            except OSError:
                numbers = b""
            listening = bool(numbers)
            for number in numbers or [signal.SIGKILL]:
                _signal(child, number)
        if awake in ready:
            os.read(awake, 64)
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                return status


def _signal(child: int, number: int) -> None:
    """To the call alone, as to a process; only a kill is for all of its group."""
    try:
        (os.killpg if number == signal.SIGKILL else os.kill)(child, number)
    except ProcessLookupError:
        return


def _be(call: _Call, fds: dict[int, int], engine: Engine) -> NoReturn:
    """In the fork: be the call, as if it had been started by its caller."""
    code = 1
    try:
        os.setsid()
        _set_signals(call)
        _set_fds(fds)
        sys.argv = [os.fsdecode(argument) for argument in call.arguments]
        sys.modules["__main__"].__package__ = call.package
        if call.token:
            import_module("dxansible.ids").reserve(call.token)
        engine.program.renew()
        code = _code(engine)
        # as multiprocessing ends a fork; the rest of an exit takes the interpreter apart, slowly
        threading._shutdown()  # type: ignore[attr-defined] # noqa: SLF001 - it has no public name
        atexit._run_exitfuncs()  # noqa: SLF001 - as above
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        code = 120
    except BaseException:  # noqa: BLE001 - nothing may return to the engine's code
        traceback.print_exc()
    finally:
        os._exit(code)


def _code(engine: Engine) -> int:
    """Run the program; its exit code, as the interpreter would have it."""
    try:
        engine.program.run()
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return (end.code or 0) & 0xFF
        sys.stderr.write(f"{end.code}\n")
        return 1
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:  # noqa: BLE001 - as the interpreter does it
        traceback.print_exc()
        return 1
    return 0


def _set_signals(call: _Call) -> None:
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        ignored = call.ignored >> (number - 1) & 1
        signal.signal(number, signal.SIG_IGN if ignored else signal.SIG_DFL)
    if not call.ignored >> (signal.SIGINT - 1) & 1:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    blocked = [each for each in signal.valid_signals() if call.blocked >> (each - 1) & 1]
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _set_fds(fds: dict[int, int]) -> None:
    """Give the file descriptors the caller's numbers; nothing else stays open."""
    import fcntl  # noqa: PLC0415 - not before the fork

    high = max(*fds, *fds.values()) + 1
    aside = {number: fcntl.fcntl(fd, fcntl.F_DUPFD, high) for number, fd in fds.items()}
    os.closerange(3, high)
    for number, fd in aside.items():
        os.dup2(fd, number)
        os.close(fd)
