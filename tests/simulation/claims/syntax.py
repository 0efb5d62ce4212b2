"""Parses what our scripts use of the language of sh into a tree.

Anything else is an error, never a guess: `SyntaxError`.
"""

from __future__ import annotations

import re

from tests.simulation.claims.tree import (
    Command,
    Group,
    If,
    Join,
    Loop,
    Match,
    Node,
    Not,
    Pipe,
    Redirect,
    Sequence,
    Word,
)
from tests.simulation.claims.word_syntax import ENDS, WordParser

__all__ = ["Parser", "functions_of"]

_RESERVED = frozenset({"then", "else", "elif", "fi", "do", "done", "esac", ";;"})


def functions_of(text: str) -> dict[str, str]:
    """Return the bodies of a script's functions; each ends with a brace on its own line."""
    found = re.finditer(r"^(\w+)\(\) \{(.*?)^\}$", text, re.MULTILINE | re.DOTALL)
    return {each[1]: each[2] for each in found}


class Parser(WordParser):
    """Reads commands."""

    def script(self) -> Sequence:
        """Return the whole script."""
        found = self._sequence()
        self._gap()
        if self._at < len(self._text):
            raise SyntaxError(self._text[self._at : self._at + 60])
        return found

    def _gap(self) -> None:
        """Skip what separates commands."""
        while True:
            self._blank()
            if self._peek() != "\n" and (self._peek() != ";" or self._peek(2) == ";;"):
                return
            self._at += 1

    def _reserved(self) -> str:
        """Return the reserved word that comes next; empty for anything else."""
        if self._peek(2) == ";;":
            return ";;"
        found = re.compile(r"[a-z]+|!").match(self._text, self._at)
        if found is None or (self._text[found.end() : found.end() + 1] or " ") not in ENDS:
            return ""
        return found[0]

    def _take(self, *words: str) -> str:
        self._gap()
        word = self._reserved()
        if word not in words:
            raise SyntaxError(f"{words}: {self._peek(40)}")
        self._at += len(word)
        return word

    def _sequence(self) -> Sequence:
        nodes: list[tuple[Node, bool]] = []
        while True:
            self._gap()
            if self._at == len(self._text) or self._peek() == ")" or self._reserved() in _RESERVED:
                return Sequence(tuple(nodes))
            node = self._and_or()
            self._blank()
            background = self._peek() == "&"
            self._at += background
            nodes.append((node, background))

    def _and_or(self) -> Node:
        node = self._pipeline()
        while True:
            self._blank()
            word = self._peek(2)
            if word not in {"&&", "||"}:
                return node
            self._at += 2
            self._newlines()
            node = Join(node, word == "&&", self._pipeline())

    def _newlines(self) -> None:
        self._blank()
        while self._peek() == "\n":
            self._at += 1
            self._blank()

    def _pipeline(self) -> Node:
        self._blank()
        if self._reserved() == "!":
            self._at += 1
            return Not(self._pipeline())
        nodes = [self._command()]
        while True:
            self._blank()
            if self._peek() != "|" or self._peek(2) == "||":
                return nodes[0] if len(nodes) == 1 else Pipe(tuple(nodes))
            self._at += 1
            self._newlines()
            nodes.append(self._command())

    def _command(self) -> Node:
        self._blank()
        match self._reserved():
            case "if":
                return self._if()
            case "for" | "while" as word:
                return self._loop(word)
            case "case":
                return self._case()
            case _:
                pass
        if self._peek() == "(":
            self._at += 1
            body = self._sequence()
            self._close()
            return Group(body, self._redirects())
        return self._simple()

    def _if(self) -> If:
        branches: list[tuple[Sequence | None, Sequence]] = []
        word = self._take("if")
        while word != "fi":
            condition = None
            if word != "else":
                condition = self._sequence()
                self._take("then")
            branches.append((condition, self._sequence()))
            word = self._take("elif", "else", "fi")
        return If(tuple(branches))

    def _loop(self, word: str) -> Loop:
        self._take(word)
        name, words, condition = "", list[Word](), None
        if word == "for":
            self._blank()
            name = self._name()
            self._take("in")
            words = self._words()
        else:
            condition = self._sequence()
        self._take("do")
        body = self._sequence()
        self._take("done")
        return Loop(name, tuple(words), condition, body)

    def _case(self) -> Match:
        self._take("case")
        self._blank()
        word = self._word()
        branches: list[tuple[tuple[Word, ...], Sequence]] = []
        self._take("in")
        while True:
            self._gap()
            if self._reserved() == "esac":
                self._at += 4
                return Match(word, tuple(branches))
            patterns = [self._word()]
            self._blank()
            while self._peek() == "|":
                self._at += 1
                self._blank()
                patterns.append(self._word())
                self._blank()
            self._close()
            branches.append((tuple(patterns), self._sequence()))
            self._gap()
            if self._peek(2) == ";;":
                self._at += 2

    def _words(self) -> list[Word]:
        found = []
        self._blank()
        while self._peek() and self._peek() not in "\n;&|<>()":
            found.append(self._word())
            self._blank()
        return found

    def _simple(self) -> Command:
        assigns, words, redirects = [], list[Word](), list[Redirect]()
        while True:
            self._blank()
            redirect = self._redirect()
            if redirect is not None:
                redirects.append(redirect)
                continue
            if not self._peek() or self._peek() in "\n;&|()":
                break
            found = None if words else re.compile(r"(\w+)=").match(self._text, self._at)
            if found is not None:
                self._at = found.end()
                assigns.append((found[1], self._word()))
            else:
                words.append(self._word())
        if not (assigns or words or redirects):
            raise SyntaxError(self._peek(40))
        return Command(tuple(assigns), tuple(words), tuple(redirects))

    def _redirects(self) -> tuple[Redirect, ...]:
        found: list[Redirect] = []
        while True:
            self._blank()
            redirect = self._redirect()
            if redirect is None:
                return tuple(found)
            found.append(redirect)

    def _redirect(self) -> Redirect | None:
        found = re.compile(r"(\d?)(>&|>|<)[ \t]*").match(self._text, self._at)
        if found is None:
            return None
        self._at = found.end()
        target = self._word()
        if not target:
            raise SyntaxError(self._peek(40))
        return Redirect(int(found[1] or found[2] != "<"), found[2], target)
