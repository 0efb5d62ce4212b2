"""Turns the words of a command line into the values of options."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dxansible.cli.option import Kind
from dxansible.settings import is_variable_name, variable_of_caller

if TYPE_CHECKING:
    from collections.abc import Callable

    from dxansible.cli.option import Option

__all__ = ["BadValueError", "convert"]

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?=.)" + "".join(rf"(?:([0-9]+(?:\.[0-9]+)?){unit})?" for unit in _UNITS))
_DURATIONS = "90 (seconds), 10m or 1h30m"
_SIZES = " KMGT"
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)([kKMGT])(?:iB)?")
_MOST_BYTES = 2.0**63


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


def _amount(_entry: Option, text: str) -> float:
    """Parse US dollars above 0."""
    try:
        amount = float(text)
    except ValueError:
        amount = 0
    if not 0 < amount < float("inf"):
        raise BadValueError(f"{text!r} is no amount above 0, like 5 or 0.50")
    return amount


def _choice(entry: Option, text: str) -> str:
    if text not in entry.choices:
        raise BadValueError(f"{text!r} is not one of {', '.join(entry.choices)}")
    return text


def _variable(_entry: Option, text: str) -> tuple[str, str]:
    """Parse NAME=VALUE; NAME alone takes this process's value, which no process list shows."""
    name, equals, value = text.partition("=")
    found = value if equals else variable_of_caller(name)
    if not is_variable_name(name):
        raise BadValueError(f"{name!r} is no name of a variable; give NAME=VALUE")
    if found is None:
        raise BadValueError(f"{name} is not set here; give {name}=VALUE, or set it")
    return name, found


def _duration(entry: Option, text: str) -> float:
    """Parse seconds: a bare number, or numbers with units, the largest unit first."""
    try:
        seconds = float(text)
    except ValueError:
        found = _DURATION.fullmatch(text.strip())
        if found is None:
            raise BadValueError(f"{text!r} is no duration, like {_DURATIONS}") from None
        parts = zip(_UNITS, found.groups(), strict=True)
        seconds = sum(float(number) * _UNITS[unit] for unit, number in parts if number)
    allowed = seconds >= 0 if entry.least == 0 else seconds > 0
    if not (allowed and seconds < float("inf")):
        least = "of 0 or more" if entry.least == 0 else "above 0"
        raise BadValueError(f"{text} is no duration {least}, like {_DURATIONS}")
    if entry.most is not None and seconds > entry.most:
        raise BadValueError(f"{text} is too long: at most {entry.most / _UNITS['d']:g}d")
    return seconds


def _time(_entry: Option, text: str) -> float:
    """Parse a time by this machine's clock, into seconds since 1970.

    A time of day that is over is tomorrow's. A date and a time may have an offset from UTC.
    """
    from datetime import datetime, timedelta  # noqa: PLC0415 - for such calls only

    now = datetime.now().astimezone()
    found = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", text.strip())
    if found is not None:
        today = now.replace(hour=int(found[1]), minute=int(found[2]), second=0, microsecond=0)
        days = 0 if today > now else 1
        local = today.replace(tzinfo=None) + timedelta(days=days)
        return local.astimezone().timestamp()
    try:
        moment = datetime.fromisoformat(text.strip()).astimezone()
    except ValueError:
        raise BadValueError(f"{text!r} is no time, like 03:00 or '2026-12-24 18:30'") from None
    if moment <= now:
        raise BadValueError(f"{text} is over")
    return moment.timestamp()


def _days(entry: Option, text: str) -> int:
    """Parse days: a bare number, or a duration; the VMs count whole days."""
    try:
        int(text)
    except ValueError:
        days, rest = divmod(_duration(entry, text), _UNITS["d"])
        if rest or not text.strip()[-1:].isalpha():
            raise BadValueError(f"{text} is not whole days, like 7, 7d or 48h") from None
        return int(days)
    return _number(entry, text)


def _size(_entry: Option, text: str) -> int:
    """Parse bytes: a bare number, or one with a unit; units are powers of 1024."""
    try:
        size = int(text)
    except ValueError:
        found = _SIZE.fullmatch(text.strip())
        size = -1 if found is None else _bytes(float(found[1]), found[2].upper())
    if not 0 < size < _MOST_BYTES:  # 0 would stand for the default
        raise BadValueError(f"{text!r} is no size, like 4096 (bytes), 64k, 10M or 1G (of 1024)")
    return size


def _bytes(number: float, unit: str) -> int:
    size = number * 1024 ** _SIZES.index(unit)
    return int(min(size, _MOST_BYTES))


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
    Kind.OPTIONAL_CHOICE: _choice,
    Kind.NUMBER: _number,
    Kind.AMOUNT: _amount,
    Kind.DURATION: _duration,
    Kind.TIME: _time,
    Kind.DAYS: _days,
    Kind.SIZE: _size,
    Kind.STEPS: _steps,
}
"""By kind; the value of any other is its text."""
