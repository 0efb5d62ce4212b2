"""Host patterns: read as Ansible splits them, and refused where a part of them says nothing."""

from __future__ import annotations

import re
from pathlib import Path

from dxansible.errors import UsageError

__all__ = ["ANY", "check_pattern", "is_plain_name", "split_pattern"]

ANY = "any:"
"""Before a pattern of which one free host is wanted."""
_PATTERN_CHARACTERS = re.compile(r"[*?\[\]&!,~:]")
_BRACKETED = re.compile(r"\[[^\]]*\]")
_SEPARATORS = re.compile(r"[\s\[\]]")
"""Besides colons, to Ansible; of brackets those that have no partner."""
_ALL = "write all if you mean every VM"


def is_plain_name(target: str) -> bool:
    """Whether the target names one thing, and is not a pattern over several."""
    return _PATTERN_CHARACTERS.search(target) is None


def split_pattern(pattern: str) -> list[str]:
    """The terms of a pattern, the blank ones too.

    A comma separates them. Without one a colon does, except in brackets and in an IPv6 address.
    """
    if "," in pattern:
        return [term.strip() for term in pattern.split(",")]
    if ":" not in pattern:
        return [pattern.strip()]
    import ipaddress  # noqa: PLC0415 - for such patterns only

    try:
        ipaddress.IPv6Address(_BRACKETED.sub("0", pattern).strip())
    except ValueError:
        masked = _BRACKETED.sub(lambda found: "0" * len(found[0]), pattern)
    else:
        return [pattern.strip()]
    ends = [place for place, letter in enumerate(masked) if letter == ":"]
    begins = [0, *(end + 1 for end in ends)]
    return [
        pattern[begin:end].strip() for begin, end in zip(begins, [*ends, len(pattern)], strict=True)
    ]


def check_pattern(pattern: str) -> None:
    """Raise UsageError for a pattern that is empty, or has a term that is.

    To Ansible an empty limit is every host of the inventory, and so is one that is left without a
    term: of punctuation alone, of an empty regular expression, or of a file without a name in it.
    """
    terms = split_pattern(pattern)
    if all(map(_says_nothing, terms)):
        message = "TARGET is empty" if not pattern.strip() else f"TARGET is empty: {pattern!r}"
        raise UsageError(message, _ALL)
    if any(map(_says_nothing, terms)):
        message = f"TARGET has an empty term: {pattern!r}"
        raise UsageError(message, f"leave the term out, or {_ALL}")


def _says_nothing(term: str) -> bool:
    if term.startswith("@"):
        lines = _lines(term.removeprefix("@"))
        return not lines or any(map(_says_nothing, lines))
    whole = _BRACKETED.sub("0", term)
    words = _SEPARATORS.sub(" ", whole).split() or [""]
    return any(not word.lstrip("!&~").strip(":") for word in words)


def _lines(name: str) -> list[str]:
    """What a file of names says; Ansible takes each line as one term."""
    try:
        text = Path(name).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        message = f"the file of names {name or '@'} can't be read: {error.strerror}"
        raise UsageError(message, "give a readable file: @PATH") from error
    return [line.strip() for line in text.split("\n") if line.strip()]
