"""Compares what the keeper has answered with what has happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.dxansible.fleet.plugins.plugin_utils.states import ENDED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chaos.keeper.plan import Plan

__all__ = ["Answer", "Evidence", "violations"]

_FINAL = ENDED - {"unknown"}
_SHORT = 1.0
"""Seconds: a longer deadline passes in no round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer of the keeper, and what was so right after it."""

    call: str
    state: str
    code: int | None = None
    verified: bool | None = None
    never: bool = False
    out: bytes = b""
    lines: int = 0
    """How often the command had run."""
    alive: int = 0
    """How many processes of the command were left."""
    error: str = ""
    """Instead of an answer."""

    def __str__(self) -> str:
        """Return it in a few words."""
        return f"{self.call}: {self.error or self.state}" + (
            "" if self.code is None else f" {self.code}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that a round has left behind."""

    plan: Plan
    answers: tuple[Answer, ...]
    """In the order in which they came; the last one when nothing happened any more."""
    lines: int
    """In the end."""


def violations(evidence: Evidence) -> list[str]:
    """Return every broken promise of a round, in words."""
    found = [] if evidence.lines <= 1 else [f"the command ran {evidence.lines} times"]
    for answer in evidence.answers:
        found += [f"{answer}: {problem}" for problem in _about_an_answer(answer, evidence)]
    found += _about_changes(evidence)
    return found


def _about_an_answer(answer: Answer, evidence: Evidence) -> Iterator[str]:
    plan, lines = evidence.plan, evidence.lines
    if answer.error:
        if "start" not in plan.killed or answer.call != "first start":
            yield "no answer"
        return
    if answer.verified and answer.state in {"timeout", "aborted", "lost"} and answer.alive:
        yield f"its processes are gone, it says, and {answer.alive} are there"
    if (answer.never or answer.state == "unstarted") and lines:
        yield "it never runs, it says, and it did"
    if answer.state == "exited":
        yield from _about_an_exit(answer, evidence)
    elif not _possible(answer.state, plan):
        yield "there was no reason for that"


def _possible(state: str, plan: Plan) -> bool:
    """Whether a session can come to a state in a round."""
    return {
        "starting": True,
        "running": True,
        "unknown": True,
        "timeout": plan.deadline <= _SHORT,
        "aborted": plan.aborted,
        "lost": "supervisor" in plan.killed,
        "unstarted": bool(plan.killed & {"start", "supervisor"}),
    }.get(state, False)


def _about_an_exit(answer: Answer, evidence: Evidence) -> Iterator[str]:
    plan = evidence.plan
    if plan.killed & {"command", "spools"}:  # by a signal, or since it could not write
        if answer.code == plan.code and not answer.lines:
            yield "it has ended well, and not run"
        return
    if answer.code != plan.code:
        yield f"its exit code is {plan.code}"
    if not answer.lines:
        yield "it has not run"
    if answer.call == "the end" and answer.out != b"done\n":
        yield f"its output is {answer.out!r}"


def _about_changes(evidence: Evidence) -> Iterator[str]:
    """What has ended stays as it is, whoever asks."""
    end = evidence.answers[-1]
    if end.state not in ENDED:
        yield f"in the end it is {end.state}"
    for answer in evidence.answers:
        final = answer.state in _FINAL and (answer.state, answer.code) != (end.state, end.code)
        if final and not answer.error:
            yield f"{answer}, and in the end {end}"
    if end.state == "unknown" and (evidence.lines or "start" not in evidence.plan.killed):
        yield f"{evidence.lines} lines, and in the end it is unknown"
