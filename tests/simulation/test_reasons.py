"""Rules of the reasons that simulated histories have to reach."""

from __future__ import annotations

from dxansible.record import PreflightStatus, Reason
from tests.simulation.reasons import documented, explained, reached_by, unexplained


def reached() -> set[tuple[str, str]]:
    """Return all that a long run should reach."""
    can_not = {name for line in explained() for name in line.split(": ")[0].split(", ")}
    return {
        (outcome, reason)
        for reason, outcomes in documented().items()
        for outcome in outcomes
        if reason not in can_not
    }


def test_the_tables_have_each_reason_of_the_product() -> None:
    assert documented().keys() == {*Reason, *PreflightStatus} - {PreflightStatus.OK}


def test_a_verdict_in_words_has_an_outcome_and_a_reason() -> None:
    told = ["stop FAILURE/lost, verified True", "run killed", "list answer", "call SUCCESS/ok"]
    assert reached_by(told) == {("FAILURE", "lost"), ("SUCCESS", "ok")}


def test_a_run_that_reaches_all_is_a_good_one() -> None:
    assert list(unexplained(reached() | {("RUNNING", "running")})) == []


def test_a_reason_that_is_missing_in_one_outcome_is_told() -> None:
    left = reached() - {("FAILURE", "not_started")}
    assert list(unexplained(left)) == ["FAILURE/not_started was not reached"]


def test_a_reason_that_is_reached_can_not_stay_in_the_list() -> None:
    (told,) = unexplained(reached() | {("FAILURE", "jules_failed")})
    assert told.startswith("jules_failed was reached")


def test_a_reason_that_nobody_documents_is_told() -> None:
    (told,) = unexplained(reached() | {("FAILURE", "nothing_of_ours")})
    assert told == "FAILURE/nothing_of_ours is in no table of docs/outcomes.md"
