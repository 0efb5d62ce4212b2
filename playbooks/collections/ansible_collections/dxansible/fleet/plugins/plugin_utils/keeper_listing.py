# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Parses the keeper's listings, clean-ups, pings and notes."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from .keeper_reply import CutShortError, Fields, Session
from .states import is_session_state
from .value import Value, field, replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .keeper_reply import Answer

META = "#dx "
"""Start of a turn's first line, before the JSON that listings show."""
FINALIZE = "finalize"
"""Key of that JSON that marks a turn as a finalize."""
_TURN = re.compile(r"(?P<session>[^.]+)\.(?P<number>[1-9][0-9]{0,5})")
_NEWLINE = b"\x1d"
"""Stands for a newline in what a running turn has said."""
_LONGEST = 10**9
_CUT_SHORT = "the VM's answer was cut short"


class Entry(Session):
    """One session in a listing. Times are seconds since the epoch by the VM's clock."""

    name: str
    began: int | None = None
    at: int | None = None
    """Time of its end; None while it runs, or if the end was not recorded."""
    idle: int | None = None
    """Seconds since a running session last wrote something."""
    notes: frozenset[str] = frozenset()
    """Names of its notes."""
    meta: str | None = None
    """The first line of its command, if the VM kept it."""
    last: bytes = b""
    """The last 4096 bytes of its standard output, if it has a ``meta`` and has exited."""

    said: bytes = b""
    """The end of the standard output of a running turn, if that was asked for."""

    @property
    def facts(self) -> dict[str, Any]:
        """Its ``meta``, parsed."""
        return read_meta(self.meta)

    @property
    def limits(self) -> dict[str, float]:
        """Its ``timeout`` and ``idle`` in seconds; 0 if missing or invalid."""
        facts = self.facts
        return {name: _seconds(facts.get(name)) for name in ("timeout", "idle")}

    @property
    def session(self) -> str:
        """The agent session that this turn belongs to; its own name if it is no turn."""
        found = _TURN.fullmatch(self.name)
        return found["session"] if found else self.name

    @property
    def turn(self) -> int:
        """The turn's number in its session; 0 if it is no turn."""
        found = _TURN.fullmatch(self.name)
        return int(found["number"]) if found else 0


class Listing(Value):
    """The sessions on a VM, in no particular order."""

    now: int | None
    load: float | None
    sessions: list[Entry]
    stamp: str | None = None
    """Stands for what the VM has told; None without a ``wait``."""

    @property
    def turns(self) -> dict[str, list[Entry]]:
        """The turns of each agent session, oldest first."""
        found: dict[str, list[Entry]] = {}
        for entry in self.sessions:
            if entry.turn:
                found.setdefault(entry.session, []).append(entry)
        return {name: sorted(each, key=lambda entry: entry.turn) for name, each in found.items()}


class Cleaned(Value):
    """Sessions whose turns and worktree were removed, and reasons why others were kept."""

    removed: list[str]
    kept: Mapping[str, str]
    removable: list[str] = field(default_factory=list)
    """Sessions that a dry run would have removed."""


class Ping(Value):
    """A VM's answer to a ping. ``found`` and ``version`` are about the requested program."""

    load: float | None
    running: int
    found: bool | None
    version: str | None
    spent_ms: int | None = 0
    """Milliseconds until the program printed its version, or that the VM waited for a change; None
    if its clock is too coarse."""
    stamp: str | None = None
    """Stands for what the VM has told; None without a ``wait``."""


def read_meta(line: str | None) -> dict[str, Any]:
    """Parse the meta line of a turn or a command; empty if it is missing or invalid."""
    try:
        found = json.loads((line or "").removeprefix(META))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _seconds(value: object) -> float:
    sound = isinstance(value, int | float) and 0 <= value < _LONGEST
    return float(value) if sound else 0.0  # type: ignore[arg-type] # a number by now


def read_ping(answer: Answer) -> Ping:
    """Parse a ping. Raises CutShortError if the answer is incomplete."""
    _lines(answer)
    fields = answer.fields
    took = fields.number("took") if "took" in fields else 0
    told = {
        "version": answer.message.strip() or None,
        "spent_ms": None if took is None else 10 * took,
    }
    return Ping(**fields.known_to(Ping) | told)


def read_cleaned(answer: Answer) -> Cleaned:
    """Parse a clean-up. Raises CutShortError if the answer is incomplete."""
    gone: dict[str, list[str]] = {"removed": [], "removable": []}
    kept: dict[str, str] = {}
    for line in _lines(answer):
        verb, _sep, rest = line.decode(errors="replace").partition(" ")
        name, _sep, reason = rest.partition(" ")
        if verb in gone:
            gone[verb].append(name)
        elif verb == "kept":
            kept[name] = reason
    return Cleaned(**gone, kept=kept)


def read_notes(answer: Answer) -> dict[str, str]:
    """Parse a session's notes, by name. Raises CutShortError if the answer is incomplete."""
    lines = (line.decode(errors="replace").partition(" ") for line in _lines(answer) if line)
    return {name: text for name, _sep, text in lines}


def read_listing(answer: Answer) -> Listing:
    """Parse a listing. Raises CutShortError if the answer is incomplete."""
    text, found, rest = answer.body.partition(f"{answer.mark} last\n".encode())
    entries: dict[str, Entry] = {}
    for line in text.split(b"\n"):
        name, _sep, about = line.decode(errors="replace").partition(" ")
        if about.startswith("last="):
            size = Fields.read(about).number("last")
            if size is None or name not in entries:
                raise CutShortError(_CUT_SHORT)
            entries[name] = replace(entries[name], last=rest[:size])
            rest = rest[size:]
        elif about.startswith("said=") and name in entries:
            said = line.partition(b" said=")[2].removesuffix(_NEWLINE).replace(_NEWLINE, b"\n")
            entries[name] = replace(entries[name], said=said)
        elif about:
            entries[name] = _entry(name, about)
    if not found or not rest.startswith(f"\n{answer.mark} end".encode()):
        raise CutShortError(_CUT_SHORT)
    return Listing(sessions=list(entries.values()), **answer.fields.known_to(Listing))


def _entry(name: str, about: str) -> Entry:
    text, has_meta, meta = about.partition(" meta=")
    fields = Fields.read(text)
    notes = frozenset((fields.word("notes") or "").split(",")) - {""}
    is_session_state(fields.state)  # one that no table has is kept, and is no end
    known = fields.known_to(Entry) | {"meta": meta if has_meta else None}
    return Entry(name=name, state=fields.state, notes=notes, **known)


def _lines(answer: Answer) -> list[bytes]:
    text, found, _sep = (b"\n" + answer.body).partition(f"\n{answer.mark} end".encode())
    if not found:
        raise CutShortError(_CUT_SHORT)
    return text.split(b"\n")
