# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is known of a turn so far, and which turns of a session there are."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .attempts import Progress

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .keeper import Entry
    from .stream_reader import StreamReader

__all__ = ["TurnProgress", "turns_of"]

_TURN = re.compile(r"(?P<session>[^.]+)\.(?P<number>[1-9][0-9]{0,5})")


@dataclass(slots=True, kw_only=True)
class TurnProgress(Progress):
    """Of one turn; ``id`` is the session's."""

    turn: int = 0
    """Its number, 0 while that is not known."""
    agent: str = ""
    """Name of the session's agent."""
    reader: StreamReader | None = None
    """Has read the output so far; None if that is nothing."""
    limits: dict[str, float] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The turn's id at the keeper."""
        return f"{self.id}.{self.turn}"

    def begin(self, turn: int) -> None:
        """Go on with a turn from its first byte; 0 is one that is yet to be chosen."""
        self.turn, self.out_next, self.err_next, self.reader = turn, 0, 0, None


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
