"""The judge of chaos sees every broken promise, and none where all were kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_reply import Session
from ansible_collections.dxansible.fleet.plugins.plugin_utils.verdict import from_reply

from tests.chaos import Evidence, Told, draw, violations
from tests.chaos.judge import NOTHING_RAN
from tests.chaos.plan import KILLS, Plan
from tests.chaos.report import account, summary

SUCCESS = Told(who="client", code=0, lines=1, outcome="SUCCESS", reason="ok", output="done\n")
LOST = Told(
    who="client", code=1, lines=0, outcome="FAILURE", reason="lost_contact", error="may run"
)
REFUSED = Told(who="client", code=3, lines=0, outcome="PREFLIGHT_FAILED", reason="HOST_UNREACHABLE")
UNSTARTED = Told(
    who="client", code=1, lines=0, outcome="FAILURE", reason="vm_error", error=NOTHING_RAN
)
UNKNOWN = Told(
    who="follow-up",
    code=1,
    lines=0,
    outcome="FAILURE",
    reason="lost",
    error="the VM has no such session",
)
KILLED = Told(who="client", code=-9, lines=0)
RAN = replace(SUCCESS, who="follow-up")
CUT = replace(SUCCESS, code=4, output="", cut=True)


QUIET = replace(draw(1, 1), kills=(), aborts=None)
BROKEN_KEEPER = replace(QUIET, kills=((0.5, "spools"),))
STOPPED = replace(QUIET, aborts=0.5)
SIGNALLED = Told(who="client", code=1, lines=1, outcome="FAILURE", reason="signalled")
ABORTED = Told(who="client", code=130, lines=0, outcome="ABORTED", reason="aborted", gone=True)
ENDED = replace(SUCCESS, who="abort 1", output="")
IN_TIME = replace(ABORTED, who="abort 1", code=0, reason="not_started", error=NOTHING_RAN)
NEVER = replace(IN_TIME, who="follow-up", code=130)


def evidence(*told: Told, follow_up: Told, lines: int, plan: Plan = QUIET) -> Evidence:
    return Evidence(plan=plan, vm="epyc6", told=told, follow_up=follow_up, lines=lines)


KEPT = {
    "it ran": evidence(SUCCESS, follow_up=RAN, lines=1),
    "contact was lost, and it ran": evidence(LOST, follow_up=RAN, lines=1),
    "contact was lost before it arrived": evidence(LOST, follow_up=UNKNOWN, lines=0),
    "it was not started": evidence(REFUSED, follow_up=UNKNOWN, lines=0),
    "one did not start it, another did": evidence(REFUSED, SUCCESS, follow_up=RAN, lines=1),
    "one was killed, and it ran": evidence(KILLED, follow_up=RAN, lines=1),
    "the VM could not start it": evidence(UNSTARTED, follow_up=UNSTARTED, lines=0),
    "its spool was killed": evidence(SIGNALLED, follow_up=SIGNALLED, lines=1, plan=BROKEN_KEEPER),
    "its spool was killed, and it went on": evidence(
        CUT, follow_up=replace(CUT, who="follow-up"), lines=1, plan=BROKEN_KEEPER
    ),
    "it was aborted": evidence(
        ABORTED, replace(ABORTED, who="abort 1", code=0), follow_up=ABORTED, lines=0, plan=STOPPED
    ),
    "it was aborted before it had started": evidence(
        LOST, IN_TIME, follow_up=NEVER, lines=0, plan=STOPPED
    ),
    "it had ended before it was aborted": evidence(
        SUCCESS, ENDED, follow_up=RAN, lines=1, plan=STOPPED
    ),
}


@pytest.mark.parametrize("played", KEPT.values(), ids=KEPT)
def test_promises_that_were_kept_are_no_violations(played: Evidence) -> None:
    assert violations(played) == []
    assert "VIOLATION" not in account(played)


BROKEN = {
    "output is missing, and the exit code is silent": evidence(
        replace(CUT, code=0), follow_up=RAN, lines=1, plan=BROKEN_KEEPER
    ),
    "signalled by nobody": evidence(SIGNALLED, follow_up=SIGNALLED, lines=1),
    "a line after a verified abort": evidence(ABORTED, follow_up=ABORTED, lines=1, plan=STOPPED),
    "not started, it says in the end, and it ran": evidence(
        LOST, follow_up=NEVER, lines=1, plan=STOPPED
    ),
    "not started, and nobody aborted it": evidence(LOST, follow_up=NEVER, lines=0),
    "success for one, and aborted in the end": evidence(
        SUCCESS, follow_up=ABORTED, lines=1, plan=STOPPED
    ),
    "output lost in silence": evidence(
        replace(SUCCESS, output=""), follow_up=RAN, lines=1, plan=BROKEN_KEEPER
    ),
    "it ran twice": evidence(SUCCESS, follow_up=RAN, lines=2),
    "success without a line": evidence(
        replace(SUCCESS, lines=0), follow_up=replace(RAN, lines=0), lines=0
    ),
    "success before the line": evidence(replace(SUCCESS, lines=0), follow_up=RAN, lines=1),
    "not started, and it ran": evidence(REFUSED, follow_up=RAN, lines=1),
    "nothing was run, and it ran": evidence(UNSTARTED, SUCCESS, follow_up=RAN, lines=1),
    "forgotten by the VM": evidence(LOST, follow_up=UNKNOWN, lines=1),
    "an end that the VM does not know": evidence(LOST, follow_up=LOST, lines=0),
    "success at last, and no line": evidence(LOST, follow_up=RAN, lines=0),
    "other output": evidence(replace(SUCCESS, output="done\ndone\n"), follow_up=RAN, lines=1),
    "another exit code": evidence(replace(SUCCESS, code=1), follow_up=RAN, lines=1),
    "a hung client": evidence(Told(who="client", code=1, lines=1), follow_up=RAN, lines=1),
    "an outcome out of nowhere": evidence(
        replace(LOST, outcome="TIMEOUT", code=124, reason="deadline"), follow_up=RAN, lines=1
    ),
    "a reason out of nowhere": evidence(
        replace(LOST, reason="exit_nonzero"), follow_up=RAN, lines=1
    ),
}


def test_the_words_that_promise_that_nothing_ran_are_those_of_the_verdicts() -> None:
    ends = [Session(state="unstarted"), Session(state="aborted", never=True)]

    assert all(NOTHING_RAN in str(from_reply("h", end, None).error) for end in ends)


@pytest.mark.parametrize("played", BROKEN.values(), ids=BROKEN)
def test_every_broken_promise_is_a_violation(played: Evidence) -> None:
    assert violations(played)
    assert "VIOLATION" in account(played)


def test_the_summary_counts_rounds_outcomes_and_violations() -> None:
    played = [KEPT["it ran"], BROKEN["it ran twice"], KEPT["one was killed, and it ran"]]
    header, *_, everything = (line.split() for line in summary(played).splitlines())
    assert header == ["accident", "rounds", "ran", "SUCCESS", "killed", "violations"]
    assert everything[:5] == ["all", "3", "4", "2", "1"]
    assert int(everything[5]) > 0


def test_a_seed_and_a_number_always_give_the_same_plan() -> None:
    assert draw(3, 4) == draw(3, 4)
    assert draw(3, 4) != draw(3, 5)
    assert len({draw(3, number).run_id for number in range(200)}) == 200


def test_every_kind_of_accident_is_drawn() -> None:
    kinds = {kind for number in range(200) for kind in draw(1, number).accidents}
    assert kinds == {
        "none", "cut up", "cut down", "reset", "sshd killed", "client killed", "race", "two aborts",
        *(f"{name} killed" for name in KILLS),
    }  # fmt: skip
