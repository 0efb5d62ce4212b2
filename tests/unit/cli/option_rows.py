"""The rows of docs/cli.md that the option table makes, up to the words of the last column."""

from __future__ import annotations

import re

from dxansible.cli.manual import where_of_use
from dxansible.cli.option import Group, Kind, Option
from dxansible.cli.table import table

__all__ = ["HEAD", "rows_of"]

HEAD = ["option", "of use with", "default", ""]


def rows_of(group: Group) -> list[list[str]]:
    """The first three cells of each of its options."""
    entries = [each for each in table().values() if each.group is group]
    return [_row(each) for each in entries if each.kind is not Kind.ARGUMENT]


def _row(entry: Option) -> list[str]:
    value = entry.value or "|".join(entry.choices)
    *others, last = entry.names
    where = re.sub(r"--[a-z-]+", r"`\g<0>`", where_of_use(entry))
    written = f"{last}[={value}]" if entry.kind is Kind.OPTIONAL_CHOICE else f"{last} {value}"
    names = [*others, written.strip().replace("|", r"\|")]
    return [", ".join(f"`{name}`" for name in names), where, entry.default or ""]
