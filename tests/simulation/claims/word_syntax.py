"""Parses the words of a script: quotes, variables, substitutions and arithmetic."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from tests.simulation.claims.tree import Arith, Lit, Sub, Var

if TYPE_CHECKING:
    from tests.simulation.claims.tree import Sequence, Word

__all__ = ["ENDS", "WordParser"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SPECIAL = "?!$@"
ENDS = " \t\n;&|<>()"


class WordParser(ABC):
    """Reads a script from its first character to its last."""

    def __init__(self, text: str) -> None:
        """Begin with the first character."""
        self._text, self._at = text, 0

    def _peek(self, size: int = 1) -> str:
        return self._text[self._at : self._at + size]

    def _blank(self) -> None:
        while self._peek() in {" ", "\t"} or self._peek(2) == "\\\n":
            self._at += 2 if self._peek() == "\\" else 1
        if self._peek() == "#":
            end = self._text.find("\n", self._at)
            self._at = len(self._text) if end < 0 else end

    def _close(self) -> None:
        if self._peek() != ")":
            raise SyntaxError(self._peek(40))
        self._at += 1

    def _name(self) -> str:
        found = _NAME.match(self._text, self._at)
        if found is None:
            raise SyntaxError(self._peek(40))
        self._at = found.end()
        return found[0]

    def _word(self) -> Word:
        parts: list[Lit | Var | Sub | Arith] = []
        while self._peek() and self._peek() not in ENDS:
            match self._peek():
                case "'":
                    end = self._text.index("'", self._at + 1)
                    parts.append(Lit(self._text[self._at + 1 : end], quoted=True))
                    self._at = end + 1
                case '"':
                    self._at += 1
                    parts += self._text_until('"', quoted=True) or (Lit("", quoted=True),)
                    self._at += 1
                case "$":
                    parts.append(self._dollar(quoted=False))
                case "\\":
                    if self._peek(2) != "\\\n":
                        parts.append(Lit(self._text[self._at + 1], quoted=True))
                    self._at += 2
                case letter:
                    parts.append(Lit(letter, quoted=False))
                    self._at += 1
        return _joined(parts)

    def _text_until(self, end: str, *, quoted: bool) -> Word:
        """Return what comes before an end outside of quotes; in quotes, single ones are letters."""
        parts: list[Lit | Var | Sub | Arith] = []
        while self._peek() != end:
            letter = self._peek()
            if not letter or (letter == "'" and not quoted):
                raise SyntaxError(f"{letter} before {end}")
            if letter == "$":
                parts.append(self._dollar(quoted=quoted))
            elif letter == "\\" and self._text[self._at + 1] in '$`"\\\n':
                if self._text[self._at + 1] != "\n":
                    parts.append(Lit(self._text[self._at + 1], quoted=True))
                self._at += 2
            elif letter == '"':
                self._at += 1
                parts += self._text_until('"', quoted=True)
                self._at += 1
            else:
                parts.append(Lit(letter, quoted=quoted))
                self._at += 1
        return _joined(parts)

    def _dollar(self, *, quoted: bool) -> Lit | Var | Sub | Arith:
        self._at += 1
        if self._peek(2) == "((":
            self._at += 2
            word = self._arithmetic()
            return Arith(word, quoted)
        if self._peek() == "(":
            self._at += 1
            body = self._sequence()
            self._gap()
            self._close()
            return Sub(body, quoted)
        if self._peek() == "{":
            self._at += 1
            return self._braces(quoted=quoted)
        if self._peek() and (self._peek() in _SPECIAL or self._peek().isdigit()):
            self._at += 1
            return Var(self._text[self._at - 1], "", (), quoted)
        if _NAME.match(self._text, self._at):
            return Var(self._name(), "", (), quoted)
        raise SyntaxError(self._peek(40))

    def _braces(self, *, quoted: bool) -> Var:
        letter = self._peek()
        if letter in _SPECIAL or letter.isdigit():
            self._at += 1
            name = letter
        else:
            name = self._name()
        found = re.compile(r":[-+?]|-|%%|%|##|#").match(self._text, self._at)
        op, word = "", tuple[Lit | Var | Sub | Arith, ...]()
        if found is not None:
            self._at, op = found.end(), found[0]
            word = self._text_until("}", quoted=quoted and op in {":-", ":+", ":?", "-"})
        if self._peek() != "}":
            raise SyntaxError(self._peek(40))
        self._at += 1
        return Var(name, op, word, quoted)

    def _arithmetic(self) -> Word:
        parts: list[Lit | Var | Sub | Arith] = []
        depth = 0
        while depth or self._peek(2) != "))":
            letter = self._peek()
            if not letter:
                raise SyntaxError("no ))")
            if letter == "$":
                parts.append(self._dollar(quoted=True))
                continue
            depth += (letter == "(") - (letter == ")")
            parts.append(Lit(letter, quoted=True))
            self._at += 1
        self._at += 2
        return _joined(parts)

    @abstractmethod
    def _sequence(self) -> Sequence:
        """Read commands."""

    @abstractmethod
    def _gap(self) -> None:
        """Skip what separates commands."""


def _joined(parts: list[Lit | Var | Sub | Arith]) -> Word:
    """Return the parts, with letters beside each other as one text."""
    found: list[Lit | Var | Sub | Arith] = []
    for part in parts:
        last = found[-1] if found else None
        if isinstance(part, Lit) and isinstance(last, Lit) and last.quoted == part.quoted:
            found[-1] = Lit(last.text + part.text, part.quoted)
        else:
            found.append(part)
    return tuple(found)
