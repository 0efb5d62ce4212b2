"""Reads a command line by the option table, without click and without checks.

Used where click has refused the command line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.cli.table import table

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["complete", "read"]


def complete(words: Sequence[str]) -> list[str]:
    """Return the words for click: ``--exec`` before ``--file`` gets an empty value."""
    completed = []
    for place, word in enumerate(words):
        completed.append(word)
        following = "".join(words[place + 1 : place + 2])
        if word == "--exec" and following.partition("=")[0] == "--file":
            completed.append("")
    return completed


def read(words: Sequence[str]) -> dict[str, str]:
    """Read the words of `complete` into values by field name; '' for no value.

    Options that the table does not have keep their own names.
    """
    fields = {name: field for field, entry in table().items() for name in entry.names}
    valued = {field for field, entry in table().items() if entry.kind.takes_value}
    given: dict[str, str] = {}
    left, places = list(words), ["target", "task"]
    while left:
        word = left.pop(0)
        if word == "--":
            given.update(zip(places, left, strict=False))
            return given
        if word.startswith("--"):
            name, equals, value = word.partition("=")
            field = fields.get(name, name)
            if field in valued and not equals:
                value = left.pop(0) if left else ""
            given[field] = value
        elif word.startswith("-") and word != "-":
            _read_short(word, fields, valued, left, given)
        elif places:
            given[places.pop(0)] = word
    return given


def _read_short(
    word: str, fields: dict[str, str], valued: set[str], left: list[str], given: dict[str, str]
) -> None:
    """Read a word of short options, as in ``-vi PATH``; the first with a value takes the rest."""
    for place, letter in enumerate(word[1:], 2):
        field = fields.get(f"-{letter}", f"-{letter}")
        given[field] = ""
        if field in valued:
            given[field] = word[place:] or (left.pop(0) if left else "")
            return
