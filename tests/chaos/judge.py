"""Compares what clients were told with what has happened."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dxansible.record import FanoutOutcome, PreflightStatus, Reason
from dxansible.results import INCOMPLETE
from tests.chaos.plan import KILLS_OF_THE_VM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chaos.plan import Plan

__all__ = ["NOTHING_RAN", "Evidence", "Told", "violations"]

NOTHING_RAN = "nothing was run"
UNKNOWN = "the VM has no such session"

_POSSIBLE: dict[FanoutOutcome, set[Reason | PreflightStatus]] = {
    FanoutOutcome.SUCCESS: {Reason.OK},
    FanoutOutcome.FAILURE: {Reason.LOST_CONTACT, Reason.VM_ERROR},
    FanoutOutcome.PREFLIGHT_FAILED: {PreflightStatus.HOST_UNREACHABLE, PreflightStatus.TIMEOUT},
}
"""Accidents of the network and of clients can come to nothing else."""

_OF_A_BROKEN_KEEPER = {Reason.LOST, Reason.SIGNALLED, Reason.EXIT_NONZERO}
"""Without its supervisor a command is lost; without its spool it can't write: SIGPIPE, or EPIPE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a client has said at its end, and how many lines there were at that moment."""

    who: str
    code: int
    lines: int
    outcome: str = ""
    reason: str = ""
    error: str = ""
    output: str = ""
    cut: bool = False
    """It says that output is missing."""
    gone: bool | None = None
    """Whether it says that what it stopped is gone; None where it stopped nothing."""

    @property
    def killed(self) -> bool:
        """Whether it was killed before it could say anything."""
        return not self.outcome and self.code < 0

    @property
    def aborts(self) -> bool:
        """Whether this client was to stop the command."""
        return self.who.startswith("abort")

    @property
    def not_started(self) -> bool:
        """Whether it has said that it has started nothing."""
        return self.outcome == FanoutOutcome.PREFLIGHT_FAILED or NOTHING_RAN in self.error

    def __str__(self) -> str:
        """Return it in a few words."""
        return self.who + ": " + ("killed" if self.killed else f"{self.outcome}/{self.reason}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that a round has left behind."""

    plan: Plan
    vm: str
    told: tuple[Told, ...]
    follow_up: Told
    """What ``--logs`` says when the VM is whole again and nothing runs any more."""
    lines: int
    """In the end."""


def violations(evidence: Evidence) -> list[str]:
    """Return every broken promise of a round, in words."""
    found = [
        *_about_lines(evidence),
        *_about_the_end(evidence),
    ]
    for told in (*evidence.told, evidence.follow_up):
        found += [f"{told}: {problem}" for problem in _about_a_client(told, evidence)]
    return found


def _possible(plan: Plan, outcome: FanoutOutcome) -> set[Reason | PreflightStatus]:
    """Reasons that an outcome can have after the accidents of a round."""
    reasons = set(_POSSIBLE.get(outcome, ()))
    if outcome is FanoutOutcome.ABORTED and plan.aborts is not None:
        reasons |= {Reason.ABORTED, Reason.NOT_STARTED}
    if outcome is FanoutOutcome.FAILURE and _breaks_keeper(plan):
        reasons |= _OF_A_BROKEN_KEEPER
    return reasons


def _breaks_keeper(plan: Plan) -> bool:
    return any(name in KILLS_OF_THE_VM for _, name in plan.kills)


def _about_lines(evidence: Evidence) -> Iterator[str]:
    if evidence.lines > 1:
        yield f"the command ran {evidence.lines} times"
    for told in (*evidence.told, evidence.follow_up):
        if NOTHING_RAN in told.error and evidence.lines:
            yield f"{told}: nothing was run, it says, and there is a line"
    if evidence.lines and all(told.not_started for told in evidence.told):
        yield "no client has started it, they say, and there is a line"


def _about_a_client(told: Told, evidence: Evidence) -> Iterator[str]:
    if told.killed:
        return
    if told.outcome not in FanoutOutcome.__members__:
        yield f"exit code {told.code} and no outcome: {told.error}"
        return
    outcome = FanoutOutcome(told.outcome)
    yield from _about_a_code(told, outcome)
    if UNKNOWN not in told.error and told.reason not in _possible(evidence.plan, outcome):
        yield f"that can't be: {told.error}"
    if outcome is FanoutOutcome.SUCCESS and told.lines == 0:
        yield "success, and there was no line"
    whole = told.output == "done\n" or told.cut or told.aborts
    if outcome is FanoutOutcome.SUCCESS and not whole:
        yield f"success, and the output is {told.output!r}"
    if outcome is FanoutOutcome.ABORTED and told.gone and evidence.lines > told.lines:
        yield "aborted, it says, and the line came after that"


def _about_a_code(told: Told, outcome: FanoutOutcome) -> Iterator[str]:
    if told.aborts:  # it exits with 0 where the command is known to have ended
        expected = {0, 1} if outcome is FanoutOutcome.ABORTED else {0, outcome.exit_code}
        if outcome is FanoutOutcome.ABORTED and not told.gone:
            expected = {1}
    else:
        missing = told.cut and outcome is FanoutOutcome.SUCCESS
        expected = {INCOMPLETE if missing else outcome.exit_code}
    # it may have been killed after its last word
    if told.code not in expected | {-signal.SIGKILL}:
        yield f"exit code {told.code}"


def _about_the_end(evidence: Evidence) -> Iterator[str]:
    """The VM itself has to know for certain."""
    end = evidence.follow_up
    if end.outcome == FanoutOutcome.SUCCESS:
        certain = evidence.lines == 1
    elif end.outcome == FanoutOutcome.ABORTED:
        certain = evidence.plan.aborts is not None
    elif end.reason in _OF_A_BROKEN_KEEPER and UNKNOWN not in end.error:
        certain = _breaks_keeper(evidence.plan)
    else:
        certain = evidence.lines == 0 and (UNKNOWN in end.error or NOTHING_RAN in end.error)
    if not certain:
        yield f"{evidence.lines} lines, and in the end {end}: {end.error}"
    good = [told for told in evidence.told if told.outcome == FanoutOutcome.SUCCESS]
    if good and evidence.lines == 0:
        yield "a client had success, and in the end there is no line"
    if good and end.outcome != FanoutOutcome.SUCCESS:
        yield f"a client had success, and in the end it is {end}"
