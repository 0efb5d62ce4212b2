"""Reads an unfinished command line as bash does, and quotes what completes its last word."""

from __future__ import annotations

import re

from dxansible.value import Value

__all__ = ["ShellLine", "read_line"]

_SPACE = " \t\n"
_ESCAPED = {'"': '"\\$`', "'": ""}
"""By quote, the characters that a backslash takes the meaning from."""


class ShellLine(Value):
    """A command line up to the cursor."""

    words: tuple[str, ...]
    """The words before the last one, without their quotes."""
    word: str
    """The last one, which may be empty."""
    kept: int
    """How many characters of it stay: bash replaces only what follows."""
    quote: str
    """The quote that is open at its end, or ''."""

    def reply(self, completed: str) -> str | None:
        """Return what bash has to put in the place of the part that it replaces.

        None if that has the open quote in it, which bash would take for the end of the word.
        """
        text = completed[self.kept :]
        if self.quote:
            special = re.escape(_ESCAPED[self.quote])
            escaped = re.sub(f"([{special}])", r"\\\1", text) if special else text
            return None if self.quote in text else escaped
        return re.sub(r"([^\w@%+=:,./-])", r"\\\1", text)


def read_line(line: str, breaks: str) -> ShellLine:
    """Read a line; ``breaks`` are the characters at which bash begins to replace (COMP_WORDBREAKS).

    Expansions stay as they are written.
    """
    words: list[str] = []
    word: str | None = None
    quote, kept, outer = "", 0, 0
    characters = iter(line)
    for each in characters:
        if each == "\\" and quote != "'":
            following = next(characters, "")
            plain = not quote or following in _ESCAPED[quote]
            word = (word or "") + (following if plain else each + following)
        elif quote:
            if each == quote:
                quote, kept = "", outer
            else:
                word = (word or "") + each
        elif each in _ESCAPED:
            word = word or ""
            quote, kept, outer = each, len(word), kept
        elif each in _SPACE:
            words += [] if word is None else [word]
            word, kept = None, 0
        else:
            word = (word or "") + each
            kept = len(word) if each in breaks else kept
    return ShellLine(words=tuple(words), word=word or "", kept=kept, quote=quote)
