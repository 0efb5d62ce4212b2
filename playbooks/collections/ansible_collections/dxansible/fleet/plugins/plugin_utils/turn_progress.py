# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What one try of a turn hands on to the next, and which turns of a session there are."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .session import CommandError, Progress

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .keeper import Entry

__all__ = ["TurnProgress", "turn_texts", "turns_of"]

_TURN = re.compile(r"(?P<session>[^.]+)\.(?P<number>[1-9][0-9]{0,5})")


@dataclass(slots=True, kw_only=True)
class TurnProgress(Progress):
    """Of one turn; ``id`` is the session's."""

    turn: int = 0
    """Its number, 0 while that is not known."""
    agent: dict[str, Any] = field(default_factory=dict)
    """Name and record of the session's agent."""
    reader: dict[str, Any] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The turn's id at the keeper."""
        return f"{self.id}.{self.turn}"

    def begin(self, turn: int) -> None:
        """Go on with a turn from its first byte; 0 is one that is yet to be chosen."""
        self.turn, self.out_next, self.err_next, self.reader = turn, 0, 0, {}


def turns_of(entries: Iterable[Entry]) -> dict[str, list[tuple[int, Entry]]]:
    """The turns of every session, oldest first; what is no turn is left out."""
    sessions: dict[str, list[tuple[int, Entry]]] = {}
    for entry in entries:
        found = _TURN.fullmatch(entry.name)
        if found is not None:
            sessions.setdefault(found["session"], []).append((int(found["number"]), entry))
    for turns in sessions.values():
        turns.sort(key=lambda turn: turn[0])
    return sessions


def turn_texts(variables: Mapping[str, Any], source: str | None) -> tuple[bytes, bytes]:
    """The task and the check, byte for byte: from the caller's socket, or from the variables.

    The socket gives the length of the check in a line, the check, and the task. ``dx_task`` and
    ``dx_verify`` are never templated. Raises CommandError if there is no task.
    """
    if source:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
            caller.connect(source)
            text = b"".join(iter(lambda: caller.recv(65536), b""))
        length, _, rest = text.partition(b"\n")
        verify, task = rest[: int(length)], rest[int(length) :]
    else:
        task, verify = _raw(variables, "dx_task"), _raw(variables, "dx_verify")
    if not task.strip():
        raise CommandError("dx_task is missing or empty; give it as a string: -e @request.yml")
    if b"\0" in task or b"\0" in verify:
        raise CommandError("dx_task or dx_verify has a NUL byte, which no agent can take")
    return task, verify


def _raw(variables: Mapping[str, Any], name: str) -> bytes:
    value = variables.get(name)
    return str(value).encode("utf-8", "surrogateescape") if isinstance(value, str) else b""
