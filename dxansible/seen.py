"""Keeps what calls have last seen of the fleet, for completion: names, and ids of sessions.

The files may be old, incomplete or gone: only names whose stamp is right decide anything, which is
the host of a session. Each line of a file has words with tabs between them. The files are private,
and hold neither tasks nor commands.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from dxansible.private_file import replace_file
from dxansible.settings import state_dir
from dxansible.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

__all__ = [
    "Names",
    "Sighting",
    "keep_names",
    "names_of",
    "note_sessions",
    "reading_alone",
    "sessions",
]

_MOST_SESSIONS = 200
_MOST_NAMES = 5000
_LONGEST = 64 * 1024
"""Bytes of the file of sessions; beyond it the oldest are dropped."""
_SESSIONS = "sessions"


class Sighting(Value):
    """A session that a call has seen."""

    id: str
    kind: str
    """``agent``, ``command`` or ``jules``."""
    host: str = ""
    agent: str = ""


class Names(Value):
    """The names of an inventory."""

    stamp: str = ""
    """Of the files that they come from; empty if they are not all of the names."""
    hosts: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()


def note_sessions(seen: Iterable[Sighting]) -> None:
    """Add sessions, the most important first. A file that can't be written is not an error."""
    rows = [(each.id, each.kind, each.host, each.agent) for each in seen][:_MOST_SESSIONS]
    if not rows:
        return
    with suppress(OSError):
        path = _directory() / _SESSIONS
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        file = os.open(path, flags, 0o600)
        try:
            os.write(file, _lines(reversed(rows)))  # one call, so that no other line comes between
            is_long = os.fstat(file).st_size > _LONGEST
        finally:
            os.close(file)
        if is_long:
            kept = [(each.id, each.kind, each.host, each.agent) for each in sessions()]
            replace_file(path, _lines(reversed(kept)))


def sessions() -> list[Sighting]:
    """Return the sessions, the one seen last first."""
    found: dict[str, Sighting] = {}
    for id_, kind, host, agent in _read(_SESSIONS, 4):
        found.pop(id_, None)
        found[id_] = Sighting(id=id_, kind=kind, host=host, agent=agent)
    return list(found.values())[: -_MOST_SESSIONS - 1 : -1]


def keep_names(inventory: str, names: Names) -> None:
    """Keep the names of an inventory. A file that can't be written is not an error."""
    rows: list[Sequence[str]] = [("stamp", names.stamp)]
    for kind in ("hosts", "groups", "agents"):
        rows += [(kind, name) for name in getattr(names, kind)[:_MOST_NAMES]]
    with suppress(OSError):
        replace_file(_directory() / _file_of(inventory), _lines(rows))


def names_of(inventory: str) -> Names:
    """Return the names of an inventory; none if it was never read."""
    found: dict[str, list[str]] = {"stamp": [], "hosts": [], "groups": [], "agents": []}
    for kind, name in _read(_file_of(inventory), 2):
        found.setdefault(kind, []).append(name)
    return Names(
        stamp="".join(found["stamp"]),
        hosts=tuple(found["hosts"]),
        groups=tuple(found["groups"]),
        agents=tuple(found["agents"]),
    )


@contextmanager
def reading_alone(inventory: str) -> Iterator[bool]:
    """Yield whether no other process reads this inventory to keep its names. Raises OSError."""
    import fcntl  # noqa: PLC0415 - for the process in the background only

    path = _directory() / f"{_file_of(inventory)}.lock"
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            alone = False
        else:
            alone = True
        yield alone
    finally:
        os.close(file)


def _file_of(inventory: str) -> str:
    from _blake2 import blake2b  # noqa: PLC0415 - hashlib imports much

    return f"names-{blake2b(os.fsencode(inventory), digest_size=8).hexdigest()}"


def _directory() -> Path:
    """Return the directory, and make it if it is missing. Raises OSError."""
    place = state_dir() / "seen"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place


def _lines(rows: Iterable[Sequence[object]]) -> bytes:
    """Return rows as lines; without those that would not stay one line of visible words."""
    # a damaged session may have a number as its agent
    words = [list(map(str, row)) for row in rows]
    good = [row for row in words if all(map(str.isprintable, row))]
    return "".join("\t".join(row) + "\n" for row in good).encode(errors="replace")


def _read(name: str, columns: int) -> list[list[str]]:
    """Return the rows of a file that have so many columns."""
    try:
        text = (state_dir() / "seen" / name).read_bytes().decode(errors="replace")
    except OSError:
        return []
    rows = [line.split("\t") for line in text.split("\n")]
    return [row for row in rows if len(row) == columns and all(map(str.isprintable, row))]
