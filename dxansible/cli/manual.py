"""Writes the manual page, from the option table and the texts of the help; the wheel has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.cli.help_text import ABOUT, EXAMPLES, USAGE, WORST, exit_codes
from dxansible.cli.option import Group, Kind, modes_in_words
from dxansible.cli.table import table
from dxansible.render.wrapping import wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dxansible.cli.option import Mode, Option

__all__ = ["page", "where_of_use"]

_NAME = "hand commands and tasks to a fleet of machines"
_WIDTH = 76
_FILES = (
    ("~/.config/dxansible/inventory", "Your own inventory, a file or a directory."),
    ("~/.local/state/dxansible", "What calls keep: sessions and names for completion."),
)


def page(version: str, date: str) -> str:
    """Return the page in roff, for a version of the package and a date like 2026-01-31."""
    return "".join(f"{line}\n" for line in _lines(version, date))


def where_of_use(entry: Option) -> str:
    """Return the calls in which an option has a meaning, in words."""
    if entry.chooses is not None:
        return "a call of its own"
    by_need: dict[str, list[Mode]] = {}
    for mode, need in entry.modes.items():
        by_need.setdefault(need, []).append(mode)
    return "; ".join(
        f"{modes_in_words(modes)}, together with {table()[need].name}"
        if need
        else modes_in_words(modes)
        for need, modes in by_need.items()
    )


def _lines(version: str, date: str) -> Iterator[str]:
    yield f'.TH DX\\-DISPATCH 1 "{date}" "dxansible {_plain(version)}" "User Commands"'
    yield from (".SH NAME", f"dx\\-dispatch \\- {_plain(_NAME)}")
    yield from (".SH SYNOPSIS", f".B {_plain(USAGE.partition(' ')[0])}")
    yield _plain(USAGE.partition(" ")[2])
    yield from (".SH DESCRIPTION", *_prose(ABOUT))
    yield ".SH EXAMPLES"
    yield from _terms((f"\\fB{_plain(call)}\\fR", text) for call, text in EXAMPLES)
    yield ".SH EXIT STATUS"
    yield from _terms((f"\\fB{code}\\fR", text) for code, text in exit_codes())
    yield from (".PP", *_prose(WORST), ".SH OPTIONS")
    for group in Group:
        yield f".SS {_plain(group)}"
        for entry in table().values():
            if entry.group is group and entry.kind is not Kind.ARGUMENT:
                yield from _terms([(_names(entry), _text(entry))])
    yield ".SH FILES"
    yield from _terms((f"\\fI{_plain(name)}\\fR", text) for name, text in _FILES)
    yield from (".SH SEE ALSO", ".BR ansible (1),", ".BR ssh (1)")


def _terms(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    for term, text in rows:
        yield from (".TP", term, *_prose(text))


def _names(entry: Option) -> str:
    names = ", ".join(f"\\fB{_plain(name)}\\fR" for name in entry.names)
    value = entry.value or "|".join(entry.choices)
    if entry.kind is Kind.OPTIONAL_CHOICE:
        return f"{names}[=\\fI{_plain(value)}\\fR]"
    return f"{names} \\fI{_plain(value)}\\fR" if value else names


def _text(entry: Option) -> str:
    default = "" if entry.default is None else f" Default: {entry.default}."
    where = "" if entry.chooses else f" Of use with {where_of_use(entry)}."
    return f"{entry.help}{default}{where}"


def _plain(text: str) -> str:
    """Return text that roff shows as it is."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return escaped.replace("~", "\\(ti").replace("^", "\\(ha").replace("`", "\\(ga")


def _prose(text: str) -> list[str]:
    """Return lines of text; none is a request of roff, which begins with a dot."""
    return [f"\\&{line}" if line[0] == "." else line for line in wrapped(_plain(text), _WIDTH)]
