"""Words that people type in a place where they mean something else, and what to type instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.cli.option import Kind
from dxansible.cli.table import table
from dxansible.errors import UsageError
from dxansible.redact import redact

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["refuse_program", "unquoted", "words_left_over"]

_BUILTINS = (
    *("alias", "bg", "cd", "eval", "exec", "exit", "export", "fg", "history", "jobs", "logout"),
    *("pwd", "set", "source", "type", "ulimit", "umask", "unset", "wait"),
)
"""Commands of shells that people type, and that need not be on the PATH."""


def refuse_program(task: str) -> None:
    """Raise UsageError for a task of one word that is a program here, or a shell's own command.

    Such a word is nearly always meant for ``--exec``.
    """
    from shutil import which  # noqa: PLC0415 - for tasks of one word only

    word = task.strip()
    if len(word.split()) == 1 and "/" not in word and (word in _BUILTINS or which(word)):
        message = f"{word} is a program, and a task is for the coding agent of a VM"
        remedy = f"run it with --exec {word}; if it is a task, say more, or name the --agent"
        raise UsageError(message, remedy)


def unquoted(command: str, left_over: Sequence[str]) -> UsageError:
    """Return the error for a command whose further words are not in the value of ``--exec``."""
    import shlex  # noqa: PLC0415 - for such calls only

    shown = list(map(_masked, left_over))
    rest = shlex.join(shown)
    whole = f"{redact(command)} {rest}"
    message = f"--exec takes the command as one word, and {rest} is left over"
    written = f"-- {whole}" if "'" in rest else shlex.quote(whole)
    return UsageError(message, f"quote the command: --exec {written}")


def _masked(word: str) -> str:
    """Return the word; of one that has a secret, whatever its quotes, at most the name."""
    if redact(word) == word:
        return word
    name, equals, _ = word.partition("=")
    return f"{name}{equals}***" if equals and redact(name) == name else "***"


def words_left_over(words: Sequence[str]) -> tuple[str, list[str]]:
    """Return the value of ``--exec`` and the words after it that are no options or target."""
    entries = [each for each in table().values() if each.kind is not Kind.ARGUMENT]
    valued = {name: each.kind.takes_value for each in entries for name in each.names}
    left, command, has_target = list(words), None, False
    found: list[str] = []
    while left:
        word = left.pop(0)
        name, equals, value = word.partition("=")
        if name in valued:
            if valued[name] and not equals and left:
                value = left.pop(0)
            command = value if name == "--exec" else command
        elif not word.startswith("-") and not has_target:
            has_target = True
        elif command:
            found.append(word)
    return command or "", found
