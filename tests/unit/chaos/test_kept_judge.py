"""The judge of runs whose own processes are killed sees every broken promise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chaos.kept import Evidence, Plan, Told, draw, violations
from tests.chaos.kept.report import account, summary

PLAN = Plan(
    number=1, run_id="kept_1", kept=False, warm=False, kills=((0.5, "worker"),), retries=0,
    live=False, lines=2, pause=0,
)  # fmt: skip
OUTPUT = "kept_1 line 1\nkept_1 line 2\n"
OK = Told(outcome="SUCCESS", reason="ok", output=OUTPUT)
LOST = Told(outcome="FAILURE", reason="lost_contact", output="", error="may run")
FAILED = Told(outcome="FAILURE", reason="exit_nonzero", output=OUTPUT)


def evidence(told: Told | None, *, ran: int = 1, later: Told | None = None) -> Evidence:
    return Evidence(
        plan=PLAN,
        code=0 if told is None or told.succeeded else 1,
        told={} if told is None else {"h1": told},
        ran={"h1": ran},
        later={} if later is None else {"h1": later},
    )


ALL_IS_WELL = {
    "it ran": evidence(OK),
    "contact was lost, and it was seen through": evidence(LOST, later=OK),
    "contact was lost before it began": evidence(LOST, ran=0),
    "an engine and then a worker were killed": replace(
        evidence(LOST, later=OK),
        plan=replace(PLAN, kept=True, kills=((0.1, "engine"), (0.5, "worker"))),
    ),
}
BROKEN = {
    "the command ran 2 times": evidence(OK, ran=2),
    "success, and the command ran 0 times": evidence(OK, ran=0),
    "success, with 14 other characters": evidence(replace(OK, output=OUTPUT[:14])),
    "told as another one's": evidence(replace(OK, attached=True)),
    "has no end": evidence(None),
    "that can't be: FAILURE exit_nonzero": evidence(FAILED),
    "with an attempt left": replace(evidence(LOST, later=OK), plan=replace(PLAN, retries=1)),
    "its id is not known there": evidence(LOST),
    "in the end FAILURE lost_contact": evidence(LOST, later=LOST),
    "exit code 1": replace(evidence(OK), code=1),
}


@pytest.mark.parametrize("kept", ALL_IS_WELL.values(), ids=ALL_IS_WELL)
def test_a_kept_promise_is_no_violation(kept: Evidence) -> None:
    assert violations(kept) == []


@pytest.mark.parametrize("words", BROKEN)
def test_a_broken_promise_is_a_violation(words: str) -> None:
    found = violations(BROKEN[words])

    assert any(words in each for each in found), found


def test_the_loss_of_an_engine_costs_no_attempt() -> None:
    lost = replace(evidence(LOST, later=OK), plan=replace(PLAN, kept=True))

    assert violations(lost)
    assert not violations(replace(lost, engine=False))


def test_the_same_seed_draws_the_same_rounds() -> None:
    rounds = [draw(1, number) for number in range(1, 200)]

    assert rounds == [draw(1, number) for number in range(1, 200)]
    assert {(each.kept, each.live) for each in rounds} == {
        (kept, live) for kept in (False, True) for live in (False, True)
    }


def test_a_report_has_each_way_and_what_became_of_the_lost() -> None:
    played = [evidence(OK), evidence(LOST, later=OK), evidence(LOST, ran=0)]

    assert account(played[1]) == "round 1 cold, retries 0: worker at 0.5; lost_contact 1; ran 1"
    assert summary(played).splitlines()[-1].split() == [
        "all", "3", "3", "2", "1", "2", "1", "1", "0",
    ]  # fmt: skip
