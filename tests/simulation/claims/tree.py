"""The tree of a script in the language of sh."""

from __future__ import annotations

from typing import NamedTuple

__all__ = [
    "Arith",
    "Command",
    "Group",
    "If",
    "Join",
    "Lit",
    "Loop",
    "Match",
    "Node",
    "Not",
    "Pipe",
    "Redirect",
    "Sequence",
    "Sub",
    "Var",
    "Word",
]


class Lit(NamedTuple):
    """Plain text."""

    text: str
    quoted: bool


class Var(NamedTuple):
    """A variable; ``op`` is what follows its name in braces, and ``word`` what follows that."""

    name: str
    op: str
    word: Word
    quoted: bool


class Sub(NamedTuple):
    """What a command prints."""

    body: Sequence
    quoted: bool


class Arith(NamedTuple):
    """The value of an arithmetic expression."""

    word: Word
    quoted: bool


Word = tuple["Lit | Var | Sub | Arith", ...]


class Redirect(NamedTuple):
    """``op`` is ``<``, ``>``, or ``>&`` with a descriptor for a target."""

    fd: int
    op: str
    target: Word


class Command(NamedTuple):
    """A simple command."""

    assigns: tuple[tuple[str, Word], ...]
    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...]


class Group(NamedTuple):
    """A list in a process of its own."""

    body: Sequence
    redirects: tuple[Redirect, ...]


class If(NamedTuple):
    """``branches`` are pairs of condition and body; the last one's condition may be None."""

    branches: tuple[tuple[Sequence | None, Sequence], ...]


class Loop(NamedTuple):
    """A ``for`` over words, or with a condition a ``while``."""

    name: str
    words: tuple[Word, ...]
    condition: Sequence | None
    body: Sequence


class Match(NamedTuple):
    """A ``case``."""

    word: Word
    branches: tuple[tuple[tuple[Word, ...], Sequence], ...]


class Not(NamedTuple):
    """The other status."""

    node: Node


class Join(NamedTuple):
    """Two commands, of which the second runs only after a success, or after a failure."""

    first: Node
    after_success: bool
    second: Node


class Pipe(NamedTuple):
    """Commands that read what the one before prints."""

    nodes: tuple[Node, ...]


class Sequence(NamedTuple):
    """Commands one after another, and whether each goes on in the background."""

    nodes: tuple[tuple[Node, bool], ...]


Node = Command | Group | If | Loop | Match | Not | Join | Pipe
