"""Host patterns: splits them as Ansible does, and refuses what Ansible would misunderstand."""

from __future__ import annotations

import re
from pathlib import Path

from dxansible.errors import UsageError

__all__ = ["ANY", "check_pattern", "is_plain_name", "split_pattern"]

ANY = "any:"
"""Prefix of a pattern: choose one free host that matches it."""
_PATTERN_CHARACTERS = re.compile(r"[*?\[\]&!,~:]")
_BRACKETED = re.compile(r"\[[^\]]*\]")
_SEPARATORS = re.compile(r"[\s\[\]]")
"""Ansible also splits at these; at a bracket only if it has no partner."""
_ALL = "write all if you mean every VM"


def is_plain_name(target: str) -> bool:
    """Whether the target is one name, and not a pattern over several."""
    return _PATTERN_CHARACTERS.search(target) is None


def split_pattern(pattern: str) -> list[str]:
    """Return the terms of a pattern, including blank ones.

    A comma separates terms. Without a comma a colon does, except in brackets and in an IPv6
    address.
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
    """Raise UsageError for a pattern that is empty, has an empty term, or looks like an option.

    Ansible reads an empty limit as every host of the inventory. It also does that for a limit
    without a usable term: only punctuation, an empty regular expression, or a file without names.
    """
    terms = split_pattern(pattern)
    if all(map(_says_nothing, terms)):
        message = "TARGET is empty" if not pattern.strip() else f"TARGET is empty: {pattern!r}"
        raise UsageError(message, _ALL)
    if any(map(_says_nothing, terms)):
        message = f"TARGET has an empty term: {pattern!r}"
        raise UsageError(message, f"leave the term out, or {_ALL}")
    if pattern.lstrip().startswith("-"):
        message = f"{pattern!r} can't be a TARGET: no name of a VM begins with a dash"
        raise UsageError(message, "see: dx-dispatch --help")


def _says_nothing(term: str) -> bool:
    if term.startswith("@"):
        lines = _lines(term.removeprefix("@"))
        return not lines or any(map(_says_nothing, lines))
    whole = _BRACKETED.sub("0", term)
    words = _SEPARATORS.sub(" ", whole).split() or [""]
    return any(not word.lstrip("!&~").strip(":") for word in words)


def _lines(name: str) -> list[str]:
    """Return the lines of a file of names; Ansible takes each line as one term."""
    try:
        text = Path(name).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        message = f"the file of names {name or '@'} can't be read: {error.strerror}"
        raise UsageError(message, "give a readable file: @PATH") from error
    return [line.strip() for line in text.split("\n") if line.strip()]
