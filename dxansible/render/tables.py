"""Draws tables: whole and plain for programs, and within its width on a terminal.

On a terminal, columns that find no room give way in the order of their rank: their cells go below
the row. A text is cut between words, and only where it stands beside other columns. Names and ids
are never cut. The tables of `rich` are not used: they take 90 ms to load, and have no line below a
row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.redact import printable
from dxansible.render.show import coloured
from dxansible.render.wrapping import cells, cut, wrapped
from dxansible.value import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dxansible.record import Truncation

__all__ = [
    "NOTHING",
    "Column",
    "Table",
    "columns",
    "duration",
    "indented",
    "missing_notes",
    "table",
]

NOTHING = "-"
"""What a cell without a value shows."""
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_GAP = "  "
_INDENT = "  "
_LEAST_TEXT = 30
"""Cells; a text with less room goes below its row."""


class Column(Value):
    """A column of a table."""

    name: str
    rank: int = 0
    """Columns of the highest rank give way first; those of rank 0 always stay."""
    text: bool = False
    """Words: may be cut. Any other cell is shown whole."""
    coloured: bool = False
    """Shows the colour of each row."""


def columns(
    *names: str, shown: str, leave: Sequence[str], text: Sequence[str] = ()
) -> list[Column]:
    """Return columns of these names; ``leave`` has those that give way, the first to go first.

    ``shown`` is the one that shows the colours, ``text`` those that may be cut.
    """
    ranks = {name: len(leave) - number for number, name in enumerate(leave)}
    return [
        Column(name=name, rank=ranks.get(name, 0), text=name in text, coloured=name == shown)
        for name in names
    ]


class Table:
    """A table that is laid out, and whose rows are drawn when they are needed."""

    def __init__(
        self,
        shape: Sequence[Column],
        rows: Sequence[Sequence[str]],
        colours: Sequence[str | None],
        *,
        width: int | None = None,
        dense: bool = False,
    ) -> None:
        """``width`` is the number of cells in a line; None for a reader that is no terminal.

        Each row has a colour. With ``dense`` there is at most one line below a row.
        """
        self._shape, self._colours, self._width, self._dense = shape, colours, width, dense
        self._rows = [[printable(cell) for cell in row] for row in rows]
        names = [each.name for each in shape]
        shown = list(zip(names, *self._rows, strict=True))
        self._empty = [all(cell == NOTHING for cell in column[1:]) for column in shown]
        self._widths = [max(map(cells, column)) for column in shown]
        self._beside = list(range(len(shape)))
        if width is not None:
            self._give_way(width)
            self._share(width)

    @property
    def head(self) -> str:
        """The line with the names of the columns."""
        return self._line([each.name for each in self._shape], None)

    def lines(self, number: int) -> list[str]:
        """Return the lines of a row."""
        row = self._rows[number]
        first = self._line(row, self._colours[number])
        below = [index for index in range(len(row)) if index not in self._beside]
        known = [self._named(index, row[index]) for index in below if row[index] != NOTHING]
        if not known or self._width is None:
            return [first]
        text, room = _GAP.join(known), self._width - len(_INDENT)
        whole = [cut(text, room)] if self._dense else wrapped(text, room)
        return [first, *(f"{_INDENT}{line}" for line in whole)]

    def _named(self, index: int, cell: str) -> str:
        column = self._shape[index]
        return cell if column.text else f"{column.name.lower()} {cell}"

    def _line(self, row: Sequence[str], colour: str | None) -> str:
        parts = []
        for index in self._beside:
            width = self._widths[index]
            cell = cut(row[index], width) if self._shape[index].text else row[index]
            room = " " * (width - cells(cell))
            parts.append((coloured(cell, colour) if self._shape[index].coloured else cell) + room)
        return _GAP.join(parts).rstrip()

    def _give_way(self, width: int) -> None:
        """Choose the columns that stand beside each other: first those without a value leave."""
        while self._least() > width:
            movable = [index for index in self._beside if self._shape[index].rank]
            if not movable:
                return
            self._beside.remove(
                max(movable, key=lambda index: (self._empty[index], self._shape[index].rank))
            )

    def _least(self) -> int:
        least = (
            min(self._widths[index], _LEAST_TEXT)
            if self._shape[index].text
            else self._widths[index]
            for index in self._beside
        )
        return sum(least) + len(_GAP) * (len(self._beside) - 1)

    def _share(self, width: int) -> None:
        """Give the room that is left to the texts, the shortest first."""
        texts = [index for index in self._beside if self._shape[index].text]
        fixed = sum(self._widths[index] for index in self._beside if index not in texts)
        left = width - fixed - len(_GAP) * (len(self._beside) - 1)
        texts.sort(key=lambda index: self._widths[index])
        for number, index in enumerate(texts):
            self._widths[index] = max(1, min(self._widths[index], left // (len(texts) - number)))
            left -= self._widths[index]


def table(
    shape: Sequence[Column],
    rows: Sequence[Sequence[str]],
    colours: Sequence[str | None],
    width: int | None = None,
) -> str:
    """Return a whole table as lines; the arguments are those of `Table`."""
    drawn = Table(shape, rows, colours, width=width)
    lines = [drawn.head, *(line for number in range(len(rows)) for line in drawn.lines(number))]
    return "\n".join(lines) + "\n"


def indented(text: str, width: int | None) -> str:
    """Return a text, indented, in lines that end between words; in one line without a width."""
    known = printable(text)
    lines = [known] if width is None else wrapped(known, width - len(_INDENT))
    return "".join(f"{_INDENT}{line}\n" for line in lines)


def duration(seconds: int | None) -> str:
    """Format seconds in the largest units that matter: 45s, 12m, 3h 5m, 9d; a dash for None."""
    if seconds is None:
        return NOTHING
    if seconds < _MINUTE:
        return f"{seconds}s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE}m"
    if seconds < _DAY:
        return f"{seconds // _HOUR}h {seconds % _HOUR // _MINUTE}m"
    return f"{seconds // _DAY}d"


def missing_notes(truncation: Truncation) -> list[str]:
    """Return notes on missing output; none if the output is complete."""
    how = "not kept any more" if truncation.expired else "missing"
    notes = [f"{truncation.missing} bytes of output are {how}"] if truncation.missing else []
    if truncation.disk_full:
        notes.append("the VM's disk was full: output is missing that nobody counted")
    if truncation.uncounted:
        notes.append("a process that copied output was killed on the VM: some may be missing")
    return notes
