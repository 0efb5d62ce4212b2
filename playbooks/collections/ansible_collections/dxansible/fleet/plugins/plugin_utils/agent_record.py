# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads and validates the record of an agent: key by key, and whether the keys fit together."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any, NoReturn

from .agent_events import Match, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .agents import Agent

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
WHOLE = "{permissions}"
"""The argument for which the record's ``permissions`` stand, or its ``plan``."""
PLACEHOLDERS = (
    "attachments", "directory", "model", "native_id", "permissions", "prompt_file", "session"
)  # fmt: skip

_PATH = re.compile(r"[^.\s]+(\.[^.\s]+){0,15}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LAST_CODE = 255


class AgentError(ValueError):
    """An agent's record is invalid, or the agent is unknown; the text says what to write."""


def nearest(word: object, known: Iterable[str]) -> str:
    """Suggest the nearest known word, for the end of an error message; empty if there is none."""
    near = difflib.get_close_matches(str(word), list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


class RecordReader:
    """Reads a mapping from YAML. Every method raises AgentError for an invalid value."""

    def __init__(self, where: str, record: object) -> None:
        self._where = where
        if not isinstance(record, dict) or not all(isinstance(key, str) for key in record):
            raise AgentError(f"{where}: must be a mapping of keys; see docs/agents.md")
        self._record = record

    def fail(self, key: str, what: str) -> NoReturn:
        """Raise AgentError about a key."""
        raise AgentError(f"{self._where}.{key}: {what}")

    def has(self, key: str) -> bool:
        """Whether the key is there."""
        return key in self._record

    def refuse_unknown(self, known: Iterable[str]) -> None:
        """Refuse keys that are not in ``known``."""
        names = sorted(known)
        for key in self._record:
            if key not in names:
                hint = nearest(key, names) or f"; known: {', '.join(names)}"
                self.fail(key, f"there is no such key{hint}")

    def flag(self, key: str) -> bool:
        """A boolean; False if the key is missing."""
        value = self._record.get(key, False)
        if not isinstance(value, bool):
            self.fail(key, f"must be true or false, not {value!r}")
        return value

    def word(self, key: str, allowed: tuple[str, ...]) -> str:
        """One of the ``allowed`` words; the first if the key is missing."""
        value = self._record.get(key, allowed[0])
        if not isinstance(value, str) or value not in allowed:
            self.fail(key, f"must be {' or '.join(allowed)}, not {value!r}")
        return value

    def string(self, key: str) -> str:
        """Any text; empty if the key is missing."""
        value = self._record.get(key, "")
        if not isinstance(value, str):
            self.fail(key, f"must be text, not {value!r}; put it in quotes")
        return value

    def arguments(self, key: str) -> tuple[str, ...]:
        """A program and its arguments; empty if the key is missing."""
        words = self.words(key)
        if words and PLACEHOLDER.search(words[0]):
            self.fail(key, "the first word is the program, it can't be a placeholder")
        return words

    def words(self, key: str) -> tuple[str, ...]:
        """Arguments; empty if the key is missing."""
        words = self._record.get(key, [])
        if not isinstance(words, list) or (not words and self.has(key)):
            self.fail(key, 'must be a list of arguments, such as [my-agent, "{directory}"]')
        for word in words:
            if not isinstance(word, str) or not word or "\0" in word:
                self.fail(key, f"{word!r} is not an argument; put it in quotes")
            for name in PLACEHOLDER.findall(word):
                if name not in PLACEHOLDERS:
                    hint = nearest(name, PLACEHOLDERS) or f"; known: {', '.join(PLACEHOLDERS)}"
                    self.fail(key, f"there is no placeholder {{{name}}}{hint}")
            if WHOLE in word and word != WHOLE:
                self.fail(key, f"{WHOLE} stands for whole arguments; write it as one of its own")
        return tuple(words)

    def path(self, key: str) -> str | None:
        """A dotted path; None if the key is missing."""
        return self._path(key, self._record[key]) if self.has(key) else None

    def paths(self, key: str) -> tuple[str, ...]:
        """Dotted paths, from a single path or a list."""
        return tuple(self._path(key, one) for one in self._each(key))

    def _path(self, key: str, value: object) -> str:
        if not isinstance(value, str) or not _PATH.fullmatch(value):
            self.fail(key, f"{value!r} is not a path; write it with dots, such as part.text")
        return value

    def match(self, key: str) -> Match:
        """Conditions on an event."""
        return self._match(key, self._record.get(key))

    def matches(self, key: str) -> tuple[Match, ...]:
        """Sets of conditions, from a single set or a list."""
        return tuple(self._match(key, one) for one in self._each(key))

    def _match(self, key: str, value: object) -> Match:
        if not isinstance(value, dict) or not value:
            self.fail(key, "must map paths to values, such as {type: result}")
        return Match(
            tuple(
                (self._path(key, path), self._allowed(key, path, expected))
                for path, expected in value.items()
            )
        )

    def _allowed(self, key: str, path: str, expected: object) -> tuple[Scalar, ...]:
        values = expected if isinstance(expected, list) else [expected]
        if not values or not all(isinstance(one, Scalar) for one in values):
            self.fail(key, f"{path} needs a text, a number, true, false, null, or a list of them")
        return tuple(values)

    def records(self, key: str) -> list[RecordReader]:
        """Readers of mappings, from a single mapping or a list."""
        return [
            RecordReader(f"{self._where}.{key}[{number}]", one)
            for number, one in enumerate(self._each(key), start=1)
        ]

    def _each(self, key: str) -> list[object]:
        """The elements of a list; a single value is one, and a missing key has none."""
        value = self._record.get(key, [])
        return value if isinstance(value, list) else [value]

    def pattern(self, key: str) -> re.Pattern[str]:
        """A regular expression."""
        try:
            return re.compile(self.string(key))
        except re.error as error:
            self.fail(key, f"is not a regular expression: {error}")

    def expression(self, key: str) -> str:
        """An extended regular expression for programs of the VM; empty if the key is missing."""
        if not self.has(key):
            return ""
        expression = self.pattern(key).pattern
        if not expression or not expression.isprintable():
            self.fail(key, "must be a regular expression in one line, for grep -E")
        return expression

    def environment(self, key: str) -> dict[str, str]:
        """Environment variables; integers become text."""
        variables: dict[str, str] = {}
        for name, value in self._mapping(key).items():
            if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
                self.fail(key, f"{name!r} is not a variable name")
            if isinstance(value, bool) or not isinstance(value, str | int) or "\0" in str(value):
                self.fail(key, f'{name} must be text; put it in quotes, such as "1" or "true"')
            variables[name] = str(value)
        return variables

    def exit_codes(self, key: str) -> dict[int, str]:
        """Exit codes and their meanings."""
        meanings: dict[int, str] = {}
        for code, text in self._mapping(key).items():
            number = int(code) if str(code).isdecimal() else 0
            if isinstance(code, bool) or not 0 < number <= _LAST_CODE:
                self.fail(key, f"{code!r} is not an exit code; write a number from 1 to 255")
            if not isinstance(text, str) or not text:
                self.fail(key, f"{code} must be a text that explains the code")
            meanings[number] = text
        return meanings

    def _mapping(self, key: str) -> Mapping[Any, Any]:
        value = self._record.get(key, {})
        if not isinstance(value, dict):
            self.fail(key, f"must be a mapping, not {value!r}")
        return value


def check(agent: Agent, reader: RecordReader) -> None:
    """Refuse missing and contradictory keys. Raises AgentError."""
    if not agent.start:
        reader.fail("start", "is missing; write for example [my-agent, --yes]")
    if uses(agent.version, *PLACEHOLDERS):
        reader.fail("version", "can't have placeholders")
    _check_choices(agent, reader)
    if uses(agent.open, *(set(PLACEHOLDERS) - {"native_id", "directory"})):
        reader.fail("open", "can have only {native_id} and {directory}")
    if uses(agent.directory_of, *(set(PLACEHOLDERS) - {"native_id", "session"})):
        reader.fail("directory_of", "can have only {native_id} and {session}")
    _check_id(agent, reader)
    _check_prompt(agent, reader)
    _check_events(agent, reader)


def _check_choices(agent: Agent, reader: RecordReader) -> None:
    for key in ("permissions", "plan"):
        if uses(getattr(agent, key), *PLACEHOLDERS):
            reader.fail(key, "can't have placeholders")
    if agent.plan_environment and not agent.plan:
        reader.fail("plan_environment", "does nothing without plan")


def _check_id(agent: Agent, reader: RecordReader) -> None:
    if agent.chosen_id and agent.native_id is not None:
        reader.fail("chosen_id", "contradicts native_id; keep one of them")
    if agent.chosen_id and not uses(agent.start, "native_id"):
        reader.fail("start", "needs {native_id}, because chosen_id is true")
    if not agent.chosen_id and uses(agent.start, "native_id"):
        reader.fail("start", "can't have {native_id} without chosen_id: true")
    for key in ("open", "resume", "restart", "directory_of"):
        known = agent.chosen_id or agent.native_id is not None
        if uses(getattr(agent, key), "native_id") and not known:
            reader.fail(key, "has {native_id}, so write native_id or chosen_id as well")


def _check_prompt(agent: Agent, reader: RecordReader) -> None:
    for key in ("start", "resume", "restart"):
        arguments = getattr(agent, key)
        if agent.prompt == "file" and arguments and not uses(arguments, "prompt_file"):
            reader.fail(key, "needs {prompt_file}, because prompt is file")
        if agent.prompt == "stdin" and uses(arguments, "prompt_file"):
            reader.fail(key, "can't have {prompt_file} without prompt: file")


def _check_events(agent: Agent, reader: RecordReader) -> None:
    if agent.events == "json":
        return
    for key in ("native_id", "text", "finished", "failed", "usage_limit", "usage"):
        if getattr(agent, key):
            reader.fail(key, "needs events: json")
    if any(rule.when for rule in agent.needs_input):
        reader.fail("needs_input", "can have only stderr without events: json")


def uses(arguments: Iterable[str], *names: str) -> bool:
    """Whether one of the arguments has one of these placeholders."""
    return any(found in names for word in arguments for found in PLACEHOLDER.findall(word))
