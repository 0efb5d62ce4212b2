"""Keeps the answers that came too late for their call, for the same call again."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dxansible.mcp.tools import Tool
    from dxansible.mcp.work import Work

__all__ = ["LateAnswers"]

_SECONDS = 60.0
"""How long after its call an answer is kept."""


class LateAnswers:
    """The work of calls that had to return before it ended.

    Without a ``run_id``, the same call of a tool that starts something is new work.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._kept: dict[str, tuple[Work, float]] = {}

    def keep(self, tool: Tool, given: Mapping[str, Any], work: Work) -> None:
        """Keep the work of a call; its next call may be the same."""
        self._forget()
        if tool.repeatable or "run_id" in given:
            self._kept[_key(tool, given)] = work, time.monotonic()

    def take(self, tool: Tool, given: Mapping[str, Any]) -> Work | None:
        """Return the work of the same call, if there is some."""
        self._forget()
        work, _ = self._kept.pop(_key(tool, given), (None, 0))
        return work

    def _forget(self) -> None:
        latest = time.monotonic() - _SECONDS
        self._kept = {key: each for key, each in self._kept.items() if each[1] > latest}


def _key(tool: Tool, given: Mapping[str, Any]) -> str:
    words = {name: value for name, value in given.items() if name != "wait"}
    return json.dumps([tool.name, words], sort_keys=True)
