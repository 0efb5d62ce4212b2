"""The judge of the keeper's rounds sees every broken promise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chaos.keeper import Answer, Evidence, Plan, draw, violations
from tests.chaos.keeper.plan import CALLS, KILLS, SHELLS

PLAN = Plan(  # noqa: S604 - the name of a shell
    number=1, shell="dash", before=0, after=0, code=3, child=False, deadline=60,
    calls=((0.1, "abort"),), kills=(),
)  # fmt: skip
SUPERVISOR = replace(PLAN, kills=((0.1, "supervisor"),))
SPOOLS = replace(PLAN, kills=((0.1, "spools"),))
START = replace(PLAN, kills=((0.1, "start"),))
END = Answer(call="the end", state="exited", code=3, out=b"done\n", lines=1)
ABORTED = replace(END, state="aborted", code=None, verified=True, out=b"")
LOST = replace(ABORTED, state="lost")
NEVER = replace(ABORTED, state="unstarted", never=True, lines=0)
SILENT = Answer(call="poll", state="", error="no answer")
UNKNOWN = Answer(call="the end", state="unknown")


def evidence(*answers: Answer, plan: Plan = PLAN, lines: int = 1) -> Evidence:
    return Evidence(plan=plan, answers=answers, lines=lines)


ALL_IS_WELL = {
    "it ran": evidence(replace(END, call="poll", state="running", code=None), END),
    "it was aborted": evidence(ABORTED),
    "its supervisor was killed": evidence(LOST, plan=SUPERVISOR),
    "it could not write": evidence(replace(END, code=141, out=b""), plan=SPOOLS),
    "it never ran": evidence(NEVER, plan=START, lines=0),
    "it never arrived": evidence(replace(SILENT, call="first start"), UNKNOWN, plan=START, lines=0),
}
BROKEN = {
    "the command ran 2 times": evidence(END, lines=2),
    "no answer": evidence(SILENT, END),
    "gone, it says, and 1 are there": evidence(replace(ABORTED, alive=1)),
    "it never runs, it says": evidence(NEVER, plan=START),
    "no reason for that": evidence(LOST),
    "its exit code is 3": evidence(replace(END, code=0)),
    "it has not run": evidence(replace(END, lines=0), lines=0),
    "its output is b''": evidence(replace(END, out=b"")),
    "and not run": evidence(replace(END, lines=0), plan=SPOOLS, lines=0),
    "in the end it is running": evidence(replace(END, state="running", code=None)),
    "aborted, and in the end": evidence(ABORTED, END),
    "in the end it is unknown": evidence(UNKNOWN, plan=START),
}


@pytest.mark.parametrize("kept", ALL_IS_WELL.values(), ids=ALL_IS_WELL)
def test_a_kept_promise_is_no_violation(kept: Evidence) -> None:
    assert violations(kept) == []


@pytest.mark.parametrize("words", BROKEN)
def test_a_broken_promise_is_a_violation(words: str) -> None:
    assert any(words in found for found in violations(BROKEN[words]))


def test_a_seed_and_a_number_stand_for_one_plan_and_everything_is_drawn() -> None:
    plans = [draw(1, number) for number in range(200)]
    assert plans == [draw(1, number) for number in range(200)]
    assert {plan.shell for plan in plans} == set(SHELLS)
    assert {name for plan in plans for _, name in plan.calls} == set(CALLS)
    assert {name for plan in plans for name in plan.killed} == set(KILLS)
