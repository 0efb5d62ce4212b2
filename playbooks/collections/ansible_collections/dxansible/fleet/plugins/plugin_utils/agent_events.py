# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads values and text from the events that a coding agent prints."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Scalar = str | int | float | bool | None

_ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
_RETURN = re.compile(r"\r+\n?")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_HALF = re.compile(r"[\ud800-\udfff]")


def parse_event(line: str) -> dict[str, Any] | None:
    """Parse a line as an event; None if it is not a JSON object."""
    try:
        event = json.loads(line, strict=False)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


def readable(text: str) -> str:
    """Make text safe for a terminal.

    Escape sequences, control characters except newline and tab, and characters that change the
    direction of the text are dropped. Carriage returns become newlines. Lone surrogates become
    U+FFFD.
    """
    text = _RETURN.sub("\n", _ESCAPE.sub("", text))
    return _HALF.sub("\ufffd", _CONTROL.sub("", text))


def values_at(event: object, path: str) -> list[object]:
    """The values at a dotted path; ``*`` stands for each element of a list.

    A key may contain dots: the longest key that exists is taken.
    """
    return list(_walk(event, path.split(".")))


def _walk(node: object, parts: Sequence[str]) -> Iterator[object]:
    if not parts:
        yield node
    elif isinstance(node, list):
        if parts[0] == "*":
            for element in node:
                yield from _walk(element, parts[1:])
    elif isinstance(node, dict):
        for size in range(len(parts), 0, -1):
            key = ".".join(parts[:size])
            if key in node:
                yield from _walk(node[key], parts[size:])
                return


def text_at(event: object, paths: Iterable[str]) -> str:
    """The text at these paths, one line for each value."""
    found = (value for path in paths for value in values_at(event, path))
    return "\n".join(text for value in found if (text := _text(value)))


def _text(value: object) -> str:
    if isinstance(value, str):
        return readable(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return str(value) if math.isfinite(value) else ""


@dataclass(frozen=True, slots=True)
class Match:
    """Conditions on an event; all of them must hold."""

    conditions: tuple[tuple[str, tuple[Scalar, ...]], ...]
    """Pairs of a path and its allowed values. None allows null and a missing value."""

    def matches(self, event: object) -> bool:
        """Whether all conditions hold for the event."""
        return all(
            any(_same(value, allowed) for value in values_at(event, path) or [None])
            for path, allowed in self.conditions
        )


def _same(value: object, allowed: tuple[Scalar, ...]) -> bool:
    # True equals 1 in Python, but not in JSON
    return any(
        value == expected and isinstance(value, bool) == isinstance(expected, bool)
        for expected in allowed
    )
