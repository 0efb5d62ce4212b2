"""Words the question to a person before a call, and keeps what the answer allows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dxansible.redact import printable, summarize

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dxansible.mcp.tools import Tool

__all__ = ["Asked", "question"]

_MOST_NAMED = 10


class Asked:
    """How far a person has to be asked."""

    def __init__(self, most_hosts: int | None) -> None:
        """``most_hosts`` may get a command without a question; None is any number."""
        self.most_hosts = most_hosts

    def agree(self) -> None:
        """Ask no more."""
        self.most_hosts = None


def question(tool: Tool, given: Mapping[str, Any], hosts: Sequence[str] = ()) -> str:
    """Return what to ask before a stop, or before a command on many hosts."""
    if tool.name == "stop":
        return f"Stop {printable(given['id'])}?"
    named = ", ".join(hosts[:_MOST_NAMED]) + (", …" if len(hosts) > _MOST_NAMED else "")
    return f"Run on {len(hosts)} hosts ({named})?\n{printable(summarize(given['command']))}"
