"""Masks in an output what differs between hosts that say the same: names, times and counters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Masks", "split"]

_HOST, _NUMBER = b"\0host\0", b"\0number\0"
"""What stands for them; no text has NUL bytes."""

_UNIT = rb"(?:[num]s|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|weeks?)(?![A-Za-z_])"
_SPAN = rb"\d{1,9}(?:[.,]\d{1,9})?[ ]?" + _UNIT
_SPANS = _SPAN + rb"(?:[ ,]{0,2}(?:and[ ])?" + _SPAN + rb"){0,4}"
_MONTH = rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_CLOCK = rb"(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:[.,]\d{1,9})?)?(?![\w:])"
_ZONE = rb"(?:[ ]?[AaPp][Mm]\b)?(?:[ ](?:UTC|GMT|[BIJ]ST|[CEW]ES?T|[ECMP][SD]T|[+-]\d{4})\b)?"

_CHANGING = re.compile(
    # every repetition has a limit, so that the time is linear in the length of any line
    rb"(?x)\b(?:(?=\d)(?<![.:])(?:"
    # dates and times of day
    rb"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?"
    rb"(?:[ ]?(?:Z|UTC|[+-]\d\d:?\d\d))?)?(?!\w)"
    rb"|\d{1,2}[ ]" + _MONTH + rb"\b(?:[ ]\d{4}\b)?"
    rb"|" + _CLOCK + _ZONE + rb"(?:[ ]\d{4}\b)?"
    rb"|1[5-9]\d{8}(?:\.\d{1,9})?(?![\w.])"  # seconds since 1970
    # how long ago; a span alone may be a setting
    rb"|" + _SPANS + rb"[ ]ago\b"
    # counters
    rb"|\d{1,19}[ ](?:users?|processes|tasks|threads|connections|sessions|packets|requests)\b"
    rb")|\[\d{1,9}\](?=:)"
    rb"|(?=[A-Za-z])(?:"
    rb"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6},?[ ])(?=[A-Z\d])"
    rb"|" + _MONTH + rb"[ ]{1,2}\d{1,2}\b(?:,?[ ]{1,2}\d{4}\b)?"
    # how long something took, or has been there
    rb"|up[ ]{1,4}\d{1,9}(?::\d\d|[ ][a-z]{1,7})(?:,[ ]{1,2}\d{1,9}(?::\d\d|[ ][a-z]{1,7})){0,4}"
    rb"|(?:took|in|after|for|elapsed|[Uu]ptime|real|user|sys)[ \t:=]{1,4}" + _SPANS +
    rb"|load[ ]averages?:[ ]{0,2}[\d.]{1,9}(?:[ ,]{1,2}[\d.]{1,9}){0,2}"
    rb"|(?:pid|packets|bytes)[ :=]{1,2}\d{1,19}"
    rb"))"
)  # fmt: skip
_DIGIT = re.compile(rb"\d")
_MOST = 8 * 2**20
"""Bytes of different lines that are looked at for changing numbers, to bound the time."""


def split(output: bytes) -> list[bytes]:
    """Return the lines of an output, without their ends."""
    return output.removesuffix(b"\n").split(b"\n") if output else []


class Masks:
    """Masks outputs; keeps each line that it has seen, since hosts mostly say the same."""

    def __init__(self) -> None:
        """Begin without lines."""
        self._seen: dict[bytes, bytes] = {}
        self._left = _MOST

    @property
    def is_exhausted(self) -> bool:
        """Whether lines were left as they are: there were too many."""
        return self._left < 0

    def lines(self, output: bytes, names: Iterable[str], user: str | None) -> list[bytes]:
        """Return the lines of an output, without their ends, with masks.

        The masks cover the host's names, ``user`` before one of them, and every number that changes
        by itself.
        """
        found = [each for name in names if (each := name.encode()) and each in output]
        if found:
            longest = b"|".join(map(re.escape, sorted(found, key=len, reverse=True)))
            login = b"" if user is None else b"(?:" + re.escape(user.encode()) + b"@)?"
            pattern = rb"(?<![\w.-])" + login + rb"(?:" + longest + rb")(?![\w-])"
            output = re.sub(pattern, _HOST, output)
        return [self._line(line) for line in split(output)]

    def _line(self, line: bytes) -> bytes:
        masked = self._seen.get(line)
        if masked is None:
            masked = line
            if _DIGIT.search(line):
                self._left -= len(line)
                masked = line if self._left < 0 else _CHANGING.sub(_NUMBER, line)
            self._seen[line] = masked
        return masked
