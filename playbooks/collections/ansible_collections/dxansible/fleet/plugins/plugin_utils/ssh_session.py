# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Opens sessions of a live ssh connection, as ``ssh`` would, without starting ``ssh``.

Starting ssh costs a few milliseconds of processor time for each call, most of it to load its
libraries. The control master that an earlier ssh left behind takes sessions over its socket:
https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.mux
"""

from __future__ import annotations

import fnmatch
import os
import selectors
import socket
import struct
import threading
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from io import FileIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["ConnectionEndedError", "hang_up", "run", "sent_environment"]

_VERSION = 4
_HELLO = 0x00000001
_NEW_SESSION = 0x10000002
_EXIT = 0x80000004
_OPENED = 0x80000006
_NO_ESCAPE = 0xFFFFFFFF
_WORD = 4
_LONGEST = 2**20
"""Bytes; a longer packet is no master's."""
_PIECE = 1 << 16

_open: dict[socket.socket, str] = {}
"""The sessions of this process that are open, and their commands."""
_lock = threading.Lock()


class ConnectionEndedError(Exception):
    """The master went away; the command may have begun."""


def run(
    path: str, command: str, data: bytes, environment: Iterable[str] = ()
) -> tuple[int, bytes, bytes] | None:
    """Run a command on the host of the master whose socket is at ``path``.

    ``data`` is its standard input, ``environment`` has NAME=VALUE for the host. Returns exit code,
    standard output and standard error; None if no master takes the session, and nothing has begun.
    Raises ConnectionEndedError.
    """
    with ExitStack() as stack:
        master = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        stack.callback(_forget, master)
        with _lock:
            _open[master] = command
        try:
            master.connect(path)
            _send(master, _HELLO, _VERSION)
            if _receive(master) != (_HELLO, struct.pack(">I", _VERSION)):
                return None
            streams = _ask(master, command, environment, stack)
        except (OSError, EOFError, ValueError):
            if master not in _open:
                raise ConnectionEndedError("it was ended here") from None
            return None
        session = _Session(master, memoryview(data), *streams)
        try:
            return session.run() if _receive(master)[0] == _OPENED else None
        except (OSError, EOFError, ValueError) as error:
            raise ConnectionEndedError("the shared connection has ended") from error


def hang_up(mark: str) -> None:
    """End the sessions of this process whose command has this mark."""
    with _lock:
        marked = [master for master, command in _open.items() if mark in command]
        for master in marked:
            del _open[master]
            with suppress(OSError):
                master.shutdown(socket.SHUT_RDWR)


def sent_environment(patterns: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """Return the variables that ``SendEnv`` sends, as NAME=VALUE."""
    literal = [pattern.replace("[", "[[]") for pattern in patterns]  # ssh knows only * and ?
    return [
        f"{name}={value}"
        for name, value in environ.items()
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in literal)
    ]


def _forget(master: socket.socket) -> None:
    with _lock:
        _open.pop(master, None)


def _ask(
    master: socket.socket, command: str, environment: Iterable[str], stack: ExitStack
) -> tuple[FileIO, FileIO, FileIO]:
    """Ask for a session, and return our ends of its standard streams."""
    pipes = [os.pipe() for _stream in range(3)]
    theirs = (pipes[0][0], pipes[1][1], pipes[2][1])
    stdin = stack.enter_context(FileIO(pipes[0][1], "w"))
    stdout = stack.enter_context(FileIO(pipes[1][0]))
    stderr = stack.enter_context(FileIO(pipes[2][0]))
    try:
        texts = ("", os.environ.get("TERM", ""), command, *environment)
        reserved, *others = map(_string, texts)
        # no terminal, no X11, no agent, no subsystem
        flags = struct.pack(">IIIII", 0, 0, 0, 0, _NO_ESCAPE)
        _send(master, _NEW_SESSION, 0, reserved + flags + b"".join(others))
        for descriptor in theirs:
            socket.send_fds(master, [b"\0"], [descriptor])
    finally:
        for descriptor in theirs:
            os.close(descriptor)
    return stdin, stdout, stderr


@dataclass(slots=True)
class _Session:
    """A session that a master has been asked for."""

    master: socket.socket
    data: memoryview
    """Not written yet."""
    stdin: FileIO
    stdout: FileIO
    stderr: FileIO
    code: int = 0

    def run(self) -> tuple[int, bytes, bytes]:
        """Pass on the streams until the command has ended and both outputs are closed."""
        os.set_blocking(self.stdin.fileno(), False)
        out: list[bytes] = []
        err: list[bytes] = []
        with selectors.PollSelector() as waiting:
            waiting.register(self.master, selectors.EVENT_READ, self._hear)
            waiting.register(self.stdin, selectors.EVENT_WRITE, self._write)
            waiting.register(self.stdout, selectors.EVENT_READ, partial(_read, self.stdout, out))
            waiting.register(self.stderr, selectors.EVENT_READ, partial(_read, self.stderr, err))
            while {self.master, self.stdout, self.stderr} & {
                key.fileobj for key in waiting.get_map().values()
            }:
                for key, _events in waiting.select():
                    if not key.data():
                        waiting.unregister(key.fileobj)
                        if key.fileobj is self.stdin:
                            self.stdin.close()
        return self.code, b"".join(out), b"".join(err)

    def _hear(self) -> bool:
        """Take a packet; False after the last one, which has the exit code."""
        kind, rest = _receive(self.master)
        if kind != _EXIT:
            return True
        _channel, self.code = struct.unpack(">II", rest)
        return False

    def _write(self) -> bool:
        """Write some input; False if there is no more, or nobody reads it."""
        try:
            self.data = self.data[self.stdin.write(self.data[:_PIECE]) or 0 :]
        except BrokenPipeError:
            return False
        return bool(self.data)


def _read(stream: FileIO, pieces: list[bytes]) -> bool:
    """Read some output; False at its end."""
    piece = stream.read(_PIECE)
    pieces.append(piece or b"")
    return bool(piece)


def _send(master: socket.socket, kind: int, number: int, rest: bytes = b"") -> None:
    master.sendall(struct.pack(">III", 8 + len(rest), kind, number) + rest)


def _receive(master: socket.socket) -> tuple[int, bytes]:
    """Read a packet: its kind and the rest. Raises EOFError, and ValueError for what is none."""
    (size,) = struct.unpack(">I", _exactly(master, _WORD))
    if not _WORD <= size <= _LONGEST:
        raise ValueError(size)
    packet = _exactly(master, size)
    (kind,) = struct.unpack_from(">I", packet)
    return kind, packet[_WORD:]


def _exactly(master: socket.socket, size: int) -> bytes:
    found = bytearray()
    while len(found) < size:
        piece = master.recv(size - len(found))
        if not piece:
            raise EOFError
        found += piece
    return bytes(found)


def _string(text: str) -> bytes:
    data = os.fsencode(text)
    return struct.pack(">I", len(data)) + data
