# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Refuses an agent's record that lacks a key, or whose keys contradict each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .agent_record import PLACEHOLDER, PLACEHOLDERS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .agent_record import RecordReader
    from .agents import Agent


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
