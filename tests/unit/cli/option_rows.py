"""The rows of docs/cli.md that the option table makes, up to the words of the last column."""

from __future__ import annotations

import re

from dxansible.cli.option import Group, Kind, Mode, Option, modes_in_words
from dxansible.cli.table import table

__all__ = ["HEAD", "rows_of"]

HEAD = ["option", "of use with", "default", ""]
_OF_CLICK = [["`--version`", "", ""], ["`-h`, `--help`", "", ""]]


def rows_of(group: Group) -> list[list[str]]:
    """The first three cells of each of its options."""
    entries = [each for each in table().values() if each.group is group]
    rows = [_row(each) for each in entries if each.kind is not Kind.ARGUMENT]
    return rows + _OF_CLICK if group is Group.OUTPUT else rows


def _row(entry: Option) -> list[str]:
    value = entry.value or "|".join(entry.choices)
    *others, last = entry.names
    written = f"{last}[={value}]" if entry.kind is Kind.OPTIONAL_CHOICE else f"{last} {value}"
    names = [*others, written.strip().replace("|", r"\|")]
    return [", ".join(f"`{name}`" for name in names), _where(entry), entry.default or ""]


def _where(entry: Option) -> str:
    if entry.chooses is not None:
        return "a call of its own"
    by_need: dict[str, list[Mode]] = {}
    for mode, need in entry.modes.items():
        by_need.setdefault(need, []).append(mode)
    parts = [
        f"{modes_in_words(modes)}, together with {table()[need].name}"
        if need
        else modes_in_words(modes)
        for need, modes in by_need.items()
    ]
    return re.sub(r"--[a-z-]+", r"`\g<0>`", "; ".join(parts))
