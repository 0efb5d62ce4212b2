"""What a prompt asks the scripted model to do.

    RUN: command       call the agent's shell tool with the command, which ends with the line
    CALL: name {…}     call the tool whose name ends so, with these arguments
    SLOW=seconds       give the last answer a word a second
    STALL=seconds      open the last answer, and then say nothing for so long
    ERROR=status       answer with that HTTP status instead
    LIMIT=seconds      say that the usage limit is reached, until so long after the first request
    AFTER=seconds      with LIMIT: tell this time to wait, however long the limit lasts
    CUT                break the last answer off in its middle
    FULL               say that the context is full instead
    ECHO               quote the prompt in the last answer
    ASK                end the last answer with a question
    MUTE               give an empty last answer

The last answer is ``OK turns=N tools=N first=…``: how many prompts the conversation has had, how
many tools were called for the newest, and what the first one was.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Ask"]

_WRAPPED = re.compile(
    r"<(system-reminder|environment_context|user_instructions|session_context)>.*?</\1>",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request of an agent, whatever the format."""

    prompts: list[str]
    """Of the user, oldest first."""
    tools_done: int
    """Tools called since the newest prompt."""
    results: list[str]
    """What those tools have returned."""
    tools: list[str]
    """Names of all tools."""
    tool: str | None
    """Name of the agent's shell tool; None for a side request such as that for a title."""

    @classmethod
    def of(cls, items: list[tuple[str, str]], tools: list[str], shells: tuple[str, ...]) -> Ask:
        """Read a conversation of ("user" or "tool", text)."""
        prompts: list[str] = []
        results: list[str] = []
        for kind, text in items:
            words = _WRAPPED.sub("", text).strip()
            if kind == "tool":
                results.append(text)
            elif words:
                prompts.append(words)
                results = []
        tool = next((name for name in shells if name in tools), None)
        return cls(
            prompts=prompts, tools_done=len(results), results=results, tools=tools, tool=tool
        )

    @property
    def prompt(self) -> str:
        """The newest."""
        return self.prompts[-1] if self.prompts else ""

    def command(self) -> str | None:
        """What a tool is to be called with now; None when the last answer is due."""
        commands = re.findall(r"^.*?(?:RUN|CALL): *(.+)$", self.prompt, re.MULTILINE)
        if self.tool is None or self.tools_done >= len(commands):
            return None
        return str(commands[self.tools_done])

    def call(self, shell: Callable[[str], dict[str, str]]) -> tuple[str, dict[str, Any]]:
        """The name of the tool to call now, and its arguments; ``shell`` makes the shell's."""
        command = self.command() or ""
        if f"CALL: {command}" not in self.prompt:
            return self.tool or "", shell(command)
        name, _, arguments = command.partition(" ")
        tool = next((each for each in self.tools if each.endswith(name)), name)
        return tool, json.loads(arguments)

    def number(self, name: str) -> int:
        """The number of a keyword, 0 where it is not in the prompt."""
        found = re.search(rf"\b{name}=(\d+)", self.prompt)
        return int(found[1]) if found and self.tool is not None else 0

    @property
    def limit(self) -> str:
        """The line with LIMIT, empty where there is none; an agent may join prompts into one."""
        found = re.search(r"^.*\bLIMIT=\d+.*$", self.prompt, re.MULTILINE)
        return found[0] if found and self.tool is not None else ""

    @property
    def cut(self) -> bool:
        """Whether the answer is to break off."""
        return self.tool is not None and re.search(r"\bCUT\b", self.prompt) is not None

    @property
    def full(self) -> bool:
        """Whether the context is to be full."""
        return self.tool is not None and re.search(r"\bFULL\b", self.prompt) is not None

    def answer(self) -> Iterator[str]:
        """The pieces of the last answer, at the speed that was asked for."""
        if self.tool is None:
            yield "A title"
            return
        if re.search(r"\bMUTE\b", self.prompt):
            return
        time.sleep(self.number("STALL"))
        for second in range(self.number("SLOW")):
            yield f"tick{second} "
            time.sleep(1)
        first = " ".join(self.prompts[0].split())[:60] if self.prompts else ""
        yield f"OK turns={len(self.prompts)} tools={self.tools_done} first={json.dumps(first)}"
        if re.search(r"\bECHO\b", self.prompt):
            yield f"\nECHO {json.dumps(self.prompt)}"
        if re.search(r"\bASK\b", self.prompt):
            yield "\n\nShall I go on?"
