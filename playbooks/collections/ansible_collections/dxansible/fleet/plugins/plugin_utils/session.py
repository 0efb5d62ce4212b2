# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Session ids, the text of a command, and what one try of a task hands on to the next."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import socket
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "Command",
    "CommandError",
    "Progress",
    "first_wait",
    "is_ours",
    "new_run_id",
    "output_limit",
    "pack",
    "read_command",
    "session_id",
]

_OURS = re.compile(r"[A-Za-z0-9_]{1,64}-[0-9a-f]{8}")
_LARGEST, _SMALLEST, _ALL_HOSTS = 4 * 2**20, 256 * 2**10, 32 * 2**20
_FORKED_IN_A_SECOND = 100
"""Ansible forks for fewer hosts than that in a second."""


class CommandError(Exception):
    """There is no command to run, or not one that a shell can take."""


def new_run_id(prefix: str = "cmd") -> str:
    """An id for one run, made before first contact so that "did it start?" can always be asked."""
    return f"{prefix}_{secrets.token_hex(8)}"


def is_ours(session: str) -> bool:
    """Whether it is an agent session's id as we make them, and not one that an agent has made."""
    return _OURS.fullmatch(session) is not None


def session_id(run: str, host: str) -> str:
    """The session's id on one host: two inventory names may be the same machine and user."""
    return f"{run}-{hashlib.sha256(host.encode()).hexdigest()[:8]}"


def output_limit(hosts: int) -> int:
    """Bytes of each stream that are kept for a host, so that all hosts together stay bounded."""
    return max(_SMALLEST, min(_LARGEST, _ALL_HOSTS // max(1, hosts)))


def first_wait(hosts: int, forks: int) -> int:
    """Seconds to wait for news with the start, which spare a short command further tasks.

    With more hosts than forks, start everywhere before waiting anywhere; but so many forks are free
    again before Ansible needs them.
    """
    return 0 if forks < hosts and forks < _FORKED_IN_A_SECOND else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What is to run under an id."""

    text: bytes = field(repr=False)
    stdin: bytes = field(default=b"", repr=False)
    """All that it will read on its standard input."""
    summary: str | None = None
    """One line without secrets for listings, which the VM keeps."""

    def digest(self, path: Sequence[str]) -> str:
        """Stands for all that shapes what the command means; an id is bound to it.

        ``path`` is what comes before PATH on the host.
        """
        parts = {"text": self.text, "path": ":".join(path).encode(), "stdin": self.stdin}
        whole = hashlib.sha256()
        for name, value in parts.items():
            whole.update(b"%s %d\n%s" % (name.encode(), len(value), value))
        return whole.hexdigest()

    def about(self, host: str, path: Sequence[str]) -> bytes:
        """The line that the keeper gets before the text: it is compared and kept, never run."""
        told = {"host": host, "task": self.summary}
        return f"{self.digest(path)} {json.dumps(told)}\n".encode()


def read_command(variables: Mapping[str, Any], source: str | None) -> Command:
    """The command, byte for byte: from the caller's socket, or from ``dx_command``.

    It is never templated. The socket gives a line of JSON with the ``summary``, and with the sizes
    of what the command will read (``stdin``) and of its ``text``, which follow in this order.
    """
    if source:
        command = _from_socket(source)
    else:
        stdin = variables.get("dx_stdin")
        command = Command(
            text=_bytes_of("dx_command", variables.get("dx_command")),
            stdin=b"" if stdin is None else _bytes_of("dx_stdin", stdin),
        )
    if not command.text.strip():
        raise CommandError("dx_command is empty")
    if b"\0" in command.text:
        raise CommandError("dx_command has a NUL byte, which no shell can take")
    return command


def _from_socket(source: str) -> Command:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.connect(source)
        head, _, rest = b"".join(iter(lambda: caller.recv(65536), b"")).partition(b"\n")
    told: dict[str, Any] = json.loads(head) if head.endswith(b"}") else {"stdin": 0, "text": -1}
    begin = told["stdin"]
    if len(rest) != begin + told["text"]:  # the caller was killed
        raise CommandError("the command did not arrive whole")
    return Command(text=rest[begin:], stdin=rest[:begin], summary=told["summary"])


def _bytes_of(name: str, raw: object) -> bytes:
    if not isinstance(raw, str):
        text = "missing" if raw is None else "no string"
        raise CommandError(f"{name} is {text}; give it as a string: -e @request.yml")
    return str(raw).encode("utf-8", "surrogateescape")


def pack(data: bytes) -> str:
    """Bytes for a task's result, which is JSON."""
    return base64.b64encode(data).decode("ascii")


@dataclass(slots=True, kw_only=True)
class Progress:
    """What is known of a session between two tries.

    A try gets its predecessor's through the registered variable.
    """

    id: str
    began: float = field(default_factory=time.time)
    """Seconds since the epoch."""
    turn_began: float = field(default_factory=time.time)
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    """Tells our own start from another client's."""
    attempts: int = 1
    """Connection attempts, the present one included."""
    failures: int = 0
    """Of the last attempts, as many in a row have failed."""
    started: bool = False
    """The VM has confirmed that it has the session."""
    ours: bool = False
    """This run has started the session, whose time limit is therefore the one asked for."""
    contacted: bool = False
    """An attempt may have reached the VM."""
    retry: bool = False
    """The last try lost the connection; the next has to wait first."""
    spent: bool = False
    """The turn is over: other hosts wait for this fork."""
    done: bool = False
    out_next: int = 0
    err_next: int = 0
    taken: int = 0
    """Bytes of both streams that the caller's reader is known to have taken."""
    follower: str = field(default_factory=lambda: secrets.token_hex(4))
    """Tells the keeper one follower of the session from another."""

    @classmethod
    def of(cls, session: str, register: object, variables: Mapping[str, Any]) -> Self:
        """Go on from the last try of this task, else from that of an earlier task, else begin anew.

        Tries of one task share a process. What a variable holds between them differs with Ansible's
        version; what an earlier task has registered does not, but since 2.21 ``register`` itself is
        a dict of names.
        """
        known = _LAST_TRIES.get(session)
        if isinstance(known, cls) and not known.done:
            return known
        name = next(iter(register), None) if isinstance(register, dict) else register
        previous = variables.get(name) if isinstance(name, str) else None
        record = previous.get("dx") if isinstance(previous, dict) else None
        stored = record.get("progress") if isinstance(record, dict) else None
        if not isinstance(stored, dict) or stored.get("id") != session:
            return cls(id=session)
        fields = {str(key): value for key, value in stored.items()}
        return cls(**{**fields, "turn_began": time.time(), "spent": False})

    def remember(self) -> None:
        """Keep it for the next try."""
        _LAST_TRIES[self.id] = self

    def as_dict(self) -> dict[str, Any]:
        """The fields, for a task's result."""
        return asdict(self)


_LAST_TRIES: dict[str, Progress] = {}
