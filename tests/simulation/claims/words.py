"""Expands the words of a command: variables, substitutions and arithmetic."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from fnmatch import translate
from typing import TYPE_CHECKING, Any

from tests.simulation.claims.tree import Arith, Lit, Sub, Var

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.simulation.claims.process import Steps
    from tests.simulation.claims.tree import Sequence, Word

__all__ = ["Words"]


class Words(ABC):
    """What a shell knows when it expands words."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        """Begin with variables."""
        self.variables = dict(variables)
        self.arguments: list[str] = []
        self.status = 0
        self.main = self.last = ""
        """The pids of the script itself, and of the process in the background that began last."""

    @abstractmethod
    def printed(self, body: Sequence, out: list[str]) -> Steps:
        """Run commands as a process of its own, and take what they print."""

    def _pattern(self, word: Word) -> Any:  # noqa: ANN401 - a generator of a text
        found = ""
        for part in word:
            text = yield from self._part(part)
            quoted = part.quoted
            found += re.sub(r"([*?[])", r"[\1]", text) if quoted else text
        return translate(found)

    def _fields(self, word: Word) -> Any:  # noqa: ANN401 - a generator of texts
        """Return the words that a word becomes; only what is not quoted can become none."""
        fields: list[str] = []
        text: str | None = None
        for part in word:
            if isinstance(part, Var) and part.name == "@":
                fields += self.arguments
                continue
            value = yield from self._part(part)
            if part.quoted or isinstance(part, Lit):
                text = (text or "") + value
                continue
            assert len(value.split()) < 2, value
            if value.strip():
                text = (text or "") + value.strip()
        return fields if text is None else [*fields, text]

    def _text(self, word: Word) -> Any:  # noqa: ANN401 - a generator of a text
        found = ""
        for part in word:
            found += yield from self._part(part)
        return found

    def _part(self, part: Lit | Var | Sub | Arith) -> Any:  # noqa: ANN401 - a generator of a text
        match part:
            case Lit():
                return part.text
            case Var():
                return (yield from self._value(part))
            case Sub():
                out: list[str] = []
                self.status = yield from self.printed(part.body, out)
                return "".join(out).rstrip("\n")
            case Arith():
                return str(_number((yield from self._text(part.word)), self.variables))

    def _value(self, part: Var) -> Any:  # noqa: ANN401 - a generator of a text
        value = self._named(part.name)
        match part.op:
            case ":-" | "-":
                return value or (yield from self._text(part.word))
            case ":+":
                return (yield from self._text(part.word)) if value else ""
            case ":?":
                assert value, part.name
                return value
            case "%" | "%%":
                pattern = yield from self._pattern(part.word)
                ends = [at for at in range(len(value) + 1) if re.match(pattern, value[at:])]
                return value[: ends[-1 if part.op == "%" else 0]] if ends else value
            case "":
                return value
            case _:
                raise AssertionError(part)

    def _named(self, name: str) -> str:
        match name:
            case "?":
                return str(self.status)
            case "!":
                return self.last
            case "$":
                return self.main
            case _ if name.isdigit():
                at = int(name) - 1
                return self.arguments[at] if 0 <= at < len(self.arguments) else ""
            case _:
                return self.variables.get(name, "")


def _number(text: str, variables: Mapping[str, str]) -> int:
    """Return the value of an expression of numbers and variables."""
    words = re.sub(r"[A-Za-z_]\w*", lambda found: variables.get(found[0]) or "0", text)
    if not re.fullmatch(r"[-+*/() 0-9]+", words):
        raise AssertionError(text)
    return int(eval(words.replace("/", "//")))  # noqa: S307 - digits and operators alone
