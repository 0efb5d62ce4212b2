# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the keeper answers about everything on its VM: a listing, a clean-up, a ping."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .keeper_reply import VERIFIED, CutShortError, number, read_fields, word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .keeper_reply import Answer

__all__ = [
    "Cleaned",
    "Entry",
    "Listing",
    "Ping",
    "read_cleaned",
    "read_listing",
    "read_notes",
    "read_ping",
]

_CUT_SHORT = "the VM's answer was cut short"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One session in a listing. Times are seconds since the epoch by the VM's clock."""

    name: str
    state: str
    code: int | None = None
    verified: bool | None = None
    left: int = 0
    out_total: int = 0
    err_total: int = 0
    out_cut: int = 0
    """Bytes of the output of an ended session that were not kept."""
    err_cut: int = 0
    full: bool = False
    """The disk was full, and more is missing than was counted."""
    began: int | None = None
    at: int | None = None
    """When it ended; None while it runs, or if nothing recorded it."""
    idle: int | None = None
    """Seconds since it wrote something, of a running session."""
    token: str | None = None
    notes: frozenset[str] = frozenset()
    """Names of what was noted on it."""
    meta: str | None = None
    """The first line of its command, if it was kept."""
    last: bytes = b""
    """The last 4096 bytes of its standard output, if it has a ``meta`` and exited with 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The sessions on a VM, in no particular order."""

    now: int | None
    load: float | None
    sessions: list[Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """Sessions whose turns and worktree were removed, and why others were kept."""

    removed: tuple[str, ...]
    kept: Mapping[str, str]
    removable: tuple[str, ...] = ()
    """Those that only a dry run has left there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """How a VM is. ``found`` and ``version`` are about the program that was asked for."""

    load: float | None
    running: int
    found: bool | None
    version: str | None
    version_ms: int | None = 0
    """Milliseconds that the program took to tell it; None if the VM's clock is too coarse."""


def read_ping(answer: Answer) -> Ping:
    """Raise CutShortError if it is not whole."""
    _lines(answer)
    took = number(answer.fields, "took") if "took" in answer.fields else 0
    return Ping(
        load=_load(answer),
        running=answer.number("running"),
        found=VERIFIED.get(answer.fields.get("found", "-")),
        version=answer.message.strip() or None,
        version_ms=None if took is None else 10 * took,
    )


def read_cleaned(answer: Answer) -> Cleaned:
    """Raise CutShortError if it is not whole."""
    removed, removable, kept = [], [], {}
    for line in _lines(answer):
        verb, _, rest = line.decode(errors="replace").partition(" ")
        name, _, reason = rest.partition(" ")
        if verb == "removed":
            removed.append(name)
        elif verb == "removable":
            removable.append(name)
        elif verb == "kept":
            kept[name] = reason
    return Cleaned(removed=tuple(removed), removable=tuple(removable), kept=kept)


def read_notes(answer: Answer) -> dict[str, str]:
    """What each note on a session says. Raise CutShortError if the answer is not whole."""
    lines = (line.decode(errors="replace").partition(" ") for line in _lines(answer) if line)
    return {name: text for name, _, text in lines}


def read_listing(answer: Answer) -> Listing:
    """Raise CutShortError if it is not whole."""
    text, found, rest = answer.body.partition(f"{answer.mark} last\n".encode())
    entries: dict[str, Entry] = {}
    for line in text.split(b"\n"):
        name, _, about = line.decode(errors="replace").partition(" ")
        if about.startswith("last="):
            size = number(read_fields(about), "last")
            if size is None or name not in entries:
                raise CutShortError(_CUT_SHORT)
            entries[name] = replace(entries[name], last=rest[:size])
            rest = rest[size:]
        elif about:
            entries[name] = _entry(name, about)
    if not found or not rest.startswith(f"\n{answer.mark} end".encode()):
        raise CutShortError(_CUT_SHORT)
    return Listing(
        now=number(answer.fields, "now"), load=_load(answer), sessions=list(entries.values())
    )


def _entry(name: str, about: str) -> Entry:
    text, has_meta, meta = about.partition(" meta=")
    fields = read_fields(text)
    return Entry(
        name=name,
        state=fields.get("state", "unknown"),
        code=number(fields, "code"),
        verified=VERIFIED.get(fields.get("verified", "-")),
        left=number(fields, "left") or 0,
        out_total=number(fields, "out_total") or 0,
        err_total=number(fields, "err_total") or 0,
        out_cut=number(fields, "out_cut") or 0,
        err_cut=number(fields, "err_cut") or 0,
        full=fields.get("full") == "yes",
        began=number(fields, "began"),
        at=number(fields, "at"),
        idle=number(fields, "idle"),
        token=word(fields, "token"),
        notes=frozenset((word(fields, "notes") or "").split(",")) - {""},
        meta=meta if has_meta else None,
    )


def _lines(answer: Answer) -> list[bytes]:
    text, found, _ = (b"\n" + answer.body).partition(f"\n{answer.mark} end".encode())
    if not found:
        raise CutShortError(_CUT_SHORT)
    return text.split(b"\n")


def _load(answer: Answer) -> float | None:
    value = answer.fields.get("load", "-")
    return float(value) if re.fullmatch(r"\d+(\.\d+)?", value, re.ASCII) else None
