# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Inputs of a run besides its options: the user's texts, and the progress of the output's reader.

A caller of many hosts provides them on sockets. The texts are read once for all hosts.
"""

from __future__ import annotations

import json
import socket
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from .session import Command, CommandError
from .value import Value, field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RAW_TEXTS = ("dx_command", "dx_stdin", "dx_task", "dx_verify", "dx_body")
"""Variables that are never templated."""
MOST_BYTES = 10 * 2**20
"""Of all files on the controller that go with one task."""


class Payload:
    """The texts that a caller provides, as bytes or on a socket, which is read on first use."""

    def __init__(self, source: str = "", data: bytes = b"") -> None:
        """``source`` is the path of the socket. Without either, there is no payload."""
        self._source, self._data, self._lock = source, data or None, threading.Lock()
        self._texts: list[tuple[str, bytes]] | None = None

    def __bool__(self) -> bool:
        """Whether there is a payload."""
        return bool(self._source) or self._data is not None

    def read(self) -> bytes:
        """Return the whole payload. Raises CommandError if the caller is gone."""
        with self._lock:
            if self._data is None:
                try:
                    self._data = read_socket(self._source)
                except OSError as error:
                    raise CommandError(f"the command did not arrive ({error.strerror})") from error
            return self._data

    def turn_texts(self) -> list[tuple[str, bytes]]:
        """Return names and contents: a turn's second text, files for the agent, and the task.

        First comes a line with the length of the second text, and in JSON the names and lengths of
        the files, if there are any. All hosts share what is read. Raises CommandError.
        """
        data = self.read()
        with self._lock:
            if self._texts is None:
                self._texts = _turn_texts(data)
            return self._texts


def _turn_texts(data: bytes) -> list[tuple[str, bytes]]:
    head, _sep, rest = data.partition(b"\n")
    length, _sep, named = head.partition(b" ")
    sizes: list[tuple[str, int]] = [("", int(length)), *json.loads(named or b"[]")]
    found = []
    for name, size in sizes:
        found.append((name, rest[:size]))
        rest = rest[size:]
    return [*found, ("", rest)]


def read_socket(source: str, request: bytes = b"") -> bytes:
    """Connect, send the request, and read to the end. Raises OSError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.connect(source)
        if request:
            caller.sendall(request)
        return b"".join(iter(lambda: caller.recv(65536), b""))


class Reader(Protocol):
    """The reader of the hosts' output."""

    def taken(self, host: str, wanted: int, patience: float) -> int:
        """Bytes of the host's output that the reader has taken.

        Waits up to ``patience`` seconds until they reach ``wanted``. Raises OSError if the reader
        is gone.
        """


@dataclass(frozen=True, slots=True)
class SocketReader:
    """A reader that answers on a Unix socket."""

    source: str

    def taken(self, host: str, wanted: int, patience: float) -> int:
        """Ask the reader on its socket."""
        return int(read_socket(self.source, f"{wanted} {patience:g} {host}\n".encode()) or 0)


class Page:
    """The reader of a run whose caller reads it to its end, and goes on with another run.

    It takes all output at once, up to ``room`` bytes of all hosts. Then it is full, and their runs
    end where they are.
    """

    def __init__(self, room: int) -> None:
        """Begin with nothing."""
        self._left = room
        self._lock = threading.Lock()

    @property
    def is_full(self) -> bool:
        """Whether the runs have to end."""
        return self._left <= 0

    def add(self, count: int) -> None:
        """Take bytes of a host."""
        with self._lock:
            self._left -= count


class Inputs(Value):
    """The inputs of one host. ``variables`` are the host's, not templated."""

    variables: Mapping[str, Any] = field(default_factory=dict, repr=False)
    payload: Payload = field(default_factory=Payload)
    reader: Reader | Page | None = None
    """The reader that the command waits for; None if the command waits for none."""

    def command(self, given: str = "") -> Command:
        """The command: from the socket, else ``given``, else from ``dx_command``.

        The socket's and the variable's text is taken byte for byte, never templated. Raises
        CommandError.
        """
        handed_over = Command.handed_over(self.payload.read()) if self.payload else None
        command = handed_over or self._of_variables(given)
        if not command.text.strip():
            raise CommandError("dx_command is empty")
        if b"\0" in command.text:
            raise CommandError("dx_command has a NUL byte, which no shell accepts")
        return command

    def turn_texts(self, second: str = "dx_verify") -> tuple[bytes, bytes]:
        """The task and a second text, byte for byte, from the caller's socket or the variables.

        ``second`` names the variable of that text: a turn's check, or a pull request's body. The
        variables are never templated. Raises CommandError if there is no task.
        """
        if self.payload:
            more, *_files, task = (text for _name, text in self.payload.turn_texts())
        else:
            task, more = self._text("dx_task"), self._text(second)
        if not task.strip():
            raise CommandError("dx_task is missing or empty; give it as a string: -e @request.yml")
        if b"\0" in task or b"\0" in more:
            raise CommandError(f"dx_task or {second} has a NUL byte, which no agent accepts")
        return task, more

    def attachments(self, paths: Sequence[str]) -> list[tuple[str, bytes]]:
        """Names and contents of the files for the agent: the socket's, else those of the paths.

        Raises CommandError.
        """
        return self.payload.turn_texts()[1:-1] if self.payload else read_files(paths)

    def _of_variables(self, given: str) -> Command:
        raw = given or self.variables.get("dx_command")
        if not isinstance(raw, str):
            text = "missing" if raw is None else "not a string"
            raise CommandError(f"dx_command is {text}; give it as a string: -e @request.yml")
        return Command(text=_bytes(raw), stdin=self._text("dx_stdin"))

    def _text(self, name: str) -> bytes:
        raw = self.variables.get(name)
        if raw is not None and not isinstance(raw, str):
            raise CommandError(f"{name} is not a string; give it as a string: -e @request.yml")
        return _bytes(raw or "")


def read_files(paths: Sequence[str]) -> list[tuple[str, bytes]]:
    """Read files on the controller, for an agent: their names and contents.

    Raises CommandError if a file can't be read, or they are too big.

    A pipe counts as no file, because nobody may be writing to it.
    """
    found: list[tuple[str, bytes]] = []
    left = MOST_BYTES
    for path in map(Path, paths):
        try:
            if path.exists() and not path.is_file():
                raise CommandError(f"dx_attach: {path} is no file")
            with path.open("rb") as file:
                data = file.read(left + 1)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise CommandError(
                f"dx_attach: {path} can't be read on the controller: {why}"
            ) from error
        left -= len(data)
        if left < 0:
            most = MOST_BYTES >> 20
            raise CommandError(f"dx_attach: the files have more than {most} MiB; attach less")
        found.append((path.name, data))
    return found


def _bytes(text: str) -> bytes:
    return str(text).encode("utf-8", "surrogateescape")
