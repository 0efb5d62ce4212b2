"""Turns what a program has sent to a terminal into an SVG of the screen."""

from __future__ import annotations

import io
import re
from itertools import groupby
from typing import TYPE_CHECKING

import pyte
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.style import Style
from rich.text import Text

if TYPE_CHECKING:
    from pyte.screens import Char

__all__ = ["screen_of", "svg"]

_FONT = "Menlo, Consolas, 'DejaVu Sans Mono', monospace"
_FORMAT = re.sub(r"(?s)\s*(<!--.*?-->|@font-face \{\{.*?\}\})", "", CONSOLE_SVG_FORMAT).replace(
    "Fira Code, monospace", _FONT
)
"""rich's own, without the fonts that it would load from the network."""


def screen_of(sent: bytes, *, columns: int, lines: int) -> list[Text]:
    """Return the rows that a terminal of this size shows, without empty ones at the end."""
    screen = pyte.Screen(columns, lines)
    pyte.ByteStream(screen).feed(sent)
    rows = [_row([screen.buffer[y][x] for x in range(columns)]) for y in range(lines)]
    for row in rows:
        row.rstrip()
    while rows and not rows[-1]:
        rows.pop()
    return rows


def svg(rows: list[Text], *, columns: int, name: str) -> str:
    """Return the picture; ``name`` is the beginning of the ids in it, which a page may share."""
    console = Console(
        record=True,
        width=columns,
        file=io.StringIO(),
        color_system="standard",
        legacy_windows=False,
    )
    for row in rows:
        console.print(row, no_wrap=True, crop=True, soft_wrap=True)
    drawn = console.export_svg(title="", code_format=_FORMAT, unique_id=name)
    return re.sub(r"(?m)[ \t]+$", "", drawn)


def _row(chars: list[Char]) -> Text:
    # A piece for each word: each then begins in its own column, whatever the font's width.
    words = groupby(chars, lambda each: (each.data == " ", _style(each)))
    return Text.assemble(
        *(("".join(each.data for each in word), style) for (_, style), word in words)
    )


def _style(char: Char) -> Style:
    colours = {"brown": "yellow"}  # the emulator's word for the third colour
    named = colours.get(char.fg, char.fg.replace("bright", "bright_"))
    return Style(color=named, bold=char.bold, reverse=char.reverse)
