"""Writes the tables of states in docs/outcomes.md, from the tables of the module."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dxansible.states import HOST_STATES, LISTED_STATES, SESSION_STATES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dxansible.states import State

__all__ = ["with_tables"]

_BEGIN, _END = "<!-- states: make schemas -->\n", "<!-- end of states -->\n"
_SESSIONS = """\
The state of a session on its VM. Several moves may lie between two answers. A word that is not in
this table is no answer: another attempt follows, and then the reason is `lost_contact`. Listings
show such a word as it is, without an outcome.
"""
_HOSTS = """\
The state of a host in a call. A lost connection changes no state: it is no news of the work.
"""
_LISTED = """\
The state of a session in `--sessions` and `--status`.
"""


def with_tables(document: str) -> str:
    """Return the document with the tables as they have to be."""
    before, _, rest = document.partition(_BEGIN)
    return before + _BEGIN + "\n".join(["", *_lines(), ""]) + _END + rest.partition(_END)[2]


def _lines() -> Iterator[str]:
    yield _SESSIONS
    yield from _table(SESSION_STATES)
    yield _HOSTS
    yield from _table(HOST_STATES)
    yield _LISTED
    yield from _table(LISTED_STATES)


def _table(table: Mapping[str, State]) -> Iterator[str]:
    moves = any(row.follows for row in table.values())
    head = ["state", "meaning", "told by", "final", *(["what may follow"] if moves else [])]
    yield _row(head)
    yield "|" + "---|" * len(head)
    for row in table.values():
        after = ", ".join(f"`{word}`" for word in table if word in row.follows)
        final = "yes" if row.final else ""
        yield _row([f"`{row.word}`", row.meaning, row.teller, final, *([after] if moves else [])])
    yield ""


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |".replace("|  |", "| |").replace("|  |", "| |")


if __name__ == "__main__":
    _PATH = Path(__file__).parents[1] / "docs/outcomes.md"
    _PATH.write_text(with_tables(_PATH.read_text()))
