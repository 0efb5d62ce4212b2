"""Compares what was told of each host with what has happened there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dxansible.record import FanoutOutcome, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.chaos.kept.plan import Plan

__all__ = ["Evidence", "Told", "violations"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The end of one host."""

    outcome: str
    reason: str
    output: str
    error: str = ""
    attached: bool = False

    @property
    def succeeded(self) -> bool:
        """Whether it is a success."""
        return self.outcome == FanoutOutcome.SUCCESS

    @property
    def lost(self) -> bool:
        """Whether nobody knows what became of the command."""
        return self.reason == Reason.LOST_CONTACT


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that a round has left behind."""

    plan: Plan
    code: int
    told: Mapping[str, Told]
    ran: Mapping[str, int]
    """How often each VM has run the command, in the end."""
    later: Mapping[str, Told]
    """What ``--logs`` says afterwards, of the VMs that have the command; asked if any was lost."""
    engine: bool = True
    """The call did not say that it goes without an engine."""
    words: str = ""
    """The last ones of the call."""


def violations(evidence: Evidence) -> list[str]:
    """Return every broken promise of a round, in words."""
    found = [f"{host}: {words}" for host in evidence.ran for words in _about(host, evidence)]
    failed = any(not told.succeeded for told in evidence.told.values())
    if evidence.code != int(failed):
        found.append(f"exit code {evidence.code}: {evidence.words}")
    return found


def _about(host: str, evidence: Evidence) -> Iterator[str]:
    told, ran = evidence.told.get(host), evidence.ran[host]
    if ran > 1:
        yield f"the command ran {ran} times"
    if told is None:
        yield "has no end"
    elif told.succeeded:
        yield from _about_a_success(told, evidence, ran)
    elif not told.lost:
        yield f"that can't be: {told.outcome} {told.reason} {told.error}"
    else:
        if not _may_be_lost(evidence):
            yield f"was given up with an attempt left: {told.error}"
        yield from _about_a_lost_one(host, evidence)
    if told is not None and told.attached:
        yield "what this call has started is told as another one's"


def _about_a_success(told: Told, evidence: Evidence, ran: int) -> Iterator[str]:
    expected = evidence.plan.output
    if ran != 1:
        yield f"success, and the command ran {ran} times"
    if told.output != expected:
        yield f"success, with {len(told.output)} other characters than the {len(expected)} printed"


def _about_a_lost_one(host: str, evidence: Evidence) -> Iterator[str]:
    later, ran = evidence.later.get(host), evidence.ran[host]
    if later is None:
        if ran:
            yield "it ran, and its id is not known there"
    elif later.succeeded:
        yield from _about_a_success(later, evidence, ran)
    else:
        yield f"in the end {later.outcome} {later.reason} {later.error}; it ran {ran} times"


def _may_be_lost(evidence: Evidence) -> bool:
    """The loss of an engine costs no attempt."""
    plan = evidence.plan
    free = int(plan.kept and evidence.engine)
    return len(plan.kills) - free > plan.retries
