"""Reads a command line by the option table.

`parse` is for command lines without a mistake, which are nearly all; it has no words for the others
and no help, so `dxansible.cli.click_command` gets those. Loading click takes longer than
reading, checking and handing over a call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dxansible.cli.option import Kind, Mode
from dxansible.cli.table import Options, table
from dxansible.cli.values import BadValueError, convert
from dxansible.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dxansible.cli.option import Option

__all__ = ["BETWEEN", "complete", "parse", "read", "spell_out"]

BETWEEN = "\1"
"""Between the values of an option that is given several times."""
_Item = tuple[str, str, str | None]
"""A field, or a name that the table does not have; how it was written; its value, if it has one."""


def complete(words: Sequence[str]) -> list[str]:
    """Return the words to read: ``--exec`` without a value gets one, ``--logs`` takes several.

    ``--exec`` has no value at the end of the words, and before ``--`` or another option. The words
    after ``--`` are its value then, quoted for a shell. Without ``--`` the value is empty, and the
    command comes from ``--file``.
    """
    if "--exec" not in words:
        return _joined(words)
    entries = [each for each in table().values() if each.kind is not Kind.ARGUMENT]
    names = {name: each.kind for each in entries for name in each.names}
    completed: list[str] = []
    left, place = list(words), None
    while left:
        word = left.pop(0)
        if word == "--":
            if place is None:
                return [*completed, word, *left]
            completed[place] = _quoted(left)
            return completed
        completed.append(word)
        if word == "--exec" and (not left or left[0] == "--" or left[0].partition("=")[0] in names):
            place = len(completed)
            completed.append("")
        elif word in names and names[word].takes_value and left:
            completed.append(left.pop(0))
    return completed


def _joined(words: Sequence[str]) -> list[str]:
    """Return the words with the ids that follow ``--logs ID`` as one value, with commas."""
    joined, left = [], list(words)
    while left:
        joined.append(left.pop(0))
        if joined[-1] == "--":
            return [*joined, *left]
        if joined[-1] == "--logs" and left:
            ids = [left.pop(0)]
            while left and not left[0].startswith("-"):
                ids.append(left.pop(0))
            joined.append(",".join(ids))
    return joined


def _quoted(words: Sequence[str]) -> str:
    import shlex  # noqa: PLC0415 - for such calls only

    # zsh replaces =ls by the path of ls
    return " ".join(f"'{each}'" if each[:1] == "=" else each for each in map(shlex.quote, words))


def parse(words: Sequence[str]) -> Options | None:
    """Return the options, as click would; None if click has to say something about the words.

    Raises UsageError if a call is given twice.
    """
    values: dict[str, object] = {}
    for field, name, text in _items(list(words)):
        entry = table().get(field)
        if entry is None:
            return None
        has_value = entry.kind.takes_value or entry.kind is Kind.ARGUMENT
        if entry.kind is not Kind.OPTIONAL_CHOICE and has_value is (text is None):
            return None
        match entry.kind:
            case Kind.FLAG:
                values[field] = True
            case Kind.SWITCH:
                values[field] = name == entry.names[0]
            case Kind.OPTIONAL_CHOICE if text is None:
                values[field] = entry.choices[0]
            case Kind.COUNT:
                values[field] = values.get(field, 0) + 1  # type: ignore[operator] # a count
            case _:
                try:
                    value = convert(entry, text or "")
                except BadValueError:
                    return None
                values[field] = _added(entry, values.get(field), value)
    return Options(**values, given=frozenset(values)) if values else None  # type: ignore[arg-type] # as declared


def _added(entry: Option, former: Any, value: object) -> object:  # noqa: ANN401 - as its kind has it
    """Return a value together with the former ones; the last counts alone, unless all count.

    Raises UsageError for a second call, which nobody wants to be lost.
    """
    if entry.kind.is_repeated:
        return (*(former or ()), value)
    if former is not None and entry.chooses is not None:
        together = entry.chooses is Mode.LOGS
        remedy = "give all ids after one --logs" if together else "make a call for each"
        raise UsageError(f"{entry.name} is given twice", remedy)
    return value


def spell_out(words: Sequence[str]) -> list[str]:
    """Return the words with a value after = for each option that may go without one.

    Click would take the next word for the value.
    """
    left, spelled = list(words), list(words)
    for field, name, text in _items(left):
        entry = table().get(field)
        if entry is not None and entry.kind is Kind.OPTIONAL_CHOICE and text is None:
            spelled[len(words) - len(left) - 1] = f"{name}={entry.choices[0]}"
    return spelled


def read(words: Sequence[str]) -> dict[str, str]:
    """Read the words into values by field name, without checks; '' for no value.

    The values of an option that may be repeated are one text, with `BETWEEN` them. Options that
    the table does not have keep their own names.
    """
    found: dict[str, str] = {}
    for field, _, text in _items(list(words)):
        entry = table().get(field)
        if entry is not None and entry.kind.is_repeated and field in found:
            found[field] += f"{BETWEEN}{text or ''}"
        elif field:
            found[field] = text or ""
    return found


def _items(left: list[str]) -> Iterator[_Item]:
    """Take the words out of a list, and apart; a word too many has the field ''."""
    fields = {name: field for field, entry in table().items() for name in entry.names}
    valued = {field for field, entry in table().items() if entry.kind.takes_value}
    places = ["target", "task"]
    options = True
    while left:
        word = left.pop(0)
        if options and word == "--":
            options = False
        elif options and word.startswith("--"):
            name, equals, value = word.partition("=")
            field = fields.get(name, name)
            text = value if equals else None
            if field in valued and not equals and left:
                text = left.pop(0)
            yield field, name, text
        elif options and word.startswith("-") and word != "-":
            yield from _short(word, fields, valued, left)
        else:
            yield places.pop(0) if places else "", "", word


def _short(word: str, fields: dict[str, str], valued: set[str], left: list[str]) -> Iterator[_Item]:
    """Take a word of short options apart, as ``-vi PATH``; the first with a value has the rest."""
    for place, letter in enumerate(word[1:], 2):
        name = f"-{letter}"
        field = fields.get(name, name)
        if field not in valued:
            yield field, name, None
            continue
        text = word[place:] or None
        yield field, name, left.pop(0) if text is None and left else text
        return
