"""Wraps words into lines, and measures them as a terminal does; ``--help`` loads nothing more."""

from __future__ import annotations

__all__ = ["cells", "wrapped"]


def wrapped(text: str, width: int) -> list[str]:
    """Return the lines of a text, at least one; a word is never cut."""
    lines = [""]
    used = 0
    for word in text.split():
        size = cells(word)
        if used and used + 1 + size <= width:
            lines[-1] += f" {word}"
            used += 1 + size
        else:
            if used:
                lines.append("")
            lines[-1] = word
            used = size
    return lines


def cells(text: str) -> int:
    """Return how many cells of a terminal a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # noqa: PLC0415 - for such characters only

    return cell_len(text)
