"""Turns the words of a command line into the values of options."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dxansible.cli.option import Kind
from dxansible.settings import variable_of_caller

if TYPE_CHECKING:
    from collections.abc import Callable

    from dxansible.cli.option import Option

__all__ = ["BadValueError", "convert"]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class BadValueError(ValueError):
    """A word is not the value of its option; the text says why."""


def convert(entry: Option, text: str) -> object:
    """Return the value of an option. Raises BadValueError."""
    reader = _READERS.get(entry.kind)
    return text if reader is None else reader(entry, text)


def _number(entry: Option, text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise BadValueError(f"{text!r} is not a valid integer") from None
    least, most = entry.least, entry.most
    if (least is not None and number < least) or (most is not None and number > most):
        above = "" if most is None else f" and at most {most}"
        raise BadValueError(f"{number} is out of range: at least {least}{above}")
    return number


def _choice(entry: Option, text: str) -> str:
    if text not in entry.choices:
        raise BadValueError(f"{text!r} is not one of {', '.join(entry.choices)}")
    return text


def _variable(_entry: Option, text: str) -> tuple[str, str]:
    """Parse NAME=VALUE; NAME alone takes this process's value, which no process list shows."""
    name, equals, value = text.partition("=")
    found = value if equals else variable_of_caller(name)
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise BadValueError(f"{name!r} is no name of a variable; give NAME=VALUE")
    if found is None:
        raise BadValueError(f"{name} is not set here; give {name}=VALUE, or set it")
    return name, found


def _seconds(_entry: Option, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise BadValueError(f"{text!r} is not a number of seconds") from None
    if not 0 < seconds < float("inf"):
        raise BadValueError(f"{text} is not a number of seconds above 0")
    return seconds


def _duration(_entry: Option, text: str) -> float:
    """Parse a number with or without a unit into seconds; 0 is valid."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smhd]?)", text.strip())
    if found is None:
        raise BadValueError(f"{text!r} is no duration, like 1d, 12h, 90m or 3600 (seconds)")
    return float(found[1]) * _UNITS[found[2] or "s"]


def _steps(_entry: Option, text: str) -> tuple[str, ...]:
    """Parse sizes of batches: whole numbers of hosts, and percentages of all of them."""
    steps = tuple(word.strip() for word in text.split(","))
    for word in steps:
        found = re.fullmatch(r"([0-9]{1,6})(%?)", word)
        if found is None or not 1 <= int(found[1]) <= (100 if found[2] else 10**6):
            message = f"{word!r} is no size of a batch: give numbers of hosts or percentages"
            raise BadValueError(f"{message}, like 1,10%,100%")
    return steps


_READERS: dict[Kind, Callable[[Option, str], object]] = {
    Kind.VARIABLES: _variable,
    Kind.CHOICE: _choice,
    Kind.NUMBER: _number,
    Kind.SECONDS: _seconds,
    Kind.DURATION: _duration,
    Kind.STEPS: _steps,
}
"""By kind; the value of any other is its text."""
