"""Wraps, cuts and measures words as a terminal does; ``--help`` loads nothing more.

`rich` knows how many cells a character takes. It is loaded for characters that are not ASCII.
"""

from __future__ import annotations

__all__ = ["cells", "cut", "wrapped"]


def wrapped(text: str, width: int) -> list[str]:
    """Return the lines of a text, at least one; a word is never cut."""
    lines: list[str] = []
    used = 0
    for word in text.split(" "):
        size = cells(word)
        if lines and used + 1 + size <= width:
            lines[-1] += f" {word}"
            used += 1 + size
        elif word:
            lines.append(word)
            used = size
    return lines or [""]


def cut(text: str, width: int) -> str:
    """Shorten a text to a width, between words; within one that is too long by itself."""
    if cells(text) <= width:
        return text
    if text.isascii():
        piece = text[: width - 1]
    else:
        from rich.cells import set_cell_size  # noqa: PLC0415 - for such characters only

        piece = set_cell_size(text, width - 1)
        if not text.startswith(piece):
            piece = piece[:-1]  # a blank in place of half a wide character
    whole_words = piece if text[len(piece) :].startswith(" ") else piece.rpartition(" ")[0]
    return f"{(whole_words.rstrip() or piece)}…"


def cells(text: str) -> int:
    """Return how many cells of a terminal a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # noqa: PLC0415 - for such characters only

    return cell_len(text)
