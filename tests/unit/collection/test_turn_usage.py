"""Rules of summing up what agents have told of their usage."""

from __future__ import annotations

import json

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.agent_usage import (
    of_session,
    of_turn,
    over_limit,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_listing import META, Entry


def turn(number: int, **told: object) -> Entry:
    """A turn that has ended, with what its agent told."""
    meta = told.pop("meta", {})
    known = {"state": "exited", **told}
    return Entry(name=f"ses_1.{number}", meta=META + json.dumps(meta), **known)  # type: ignore[arg-type]


def test_a_turn_that_told_nothing_has_no_usage() -> None:
    assert of_turn(turn(1)) is None
    assert of_session([turn(1), turn(2)]) is None


def test_zero_is_told_too() -> None:
    told = of_turn(turn(1, cost=0.0))
    assert told is not None
    assert (told["cost_usd"], told["input_tokens"], told["of"]) == (0.0, None, "turn")


def test_numbers_of_turns_are_added_and_turns_without_them_are_counted() -> None:
    turns = [turn(1, input=2, cost=0.5), turn(2), turn(3, input=3), turn(4, state="running")]
    found = of_session(turns)
    assert found is not None
    assert (found["input_tokens"], found["cost_usd"], found["output_tokens"]) == (5, 0.5, None)
    assert (found["of"], found["turns_untold"]) == ("session", 1)


def test_a_finalize_is_no_turn_of_the_agent() -> None:
    found = of_session([turn(1, input=2), turn(2, meta={"finalize": True})])
    assert found is not None
    assert found["turns_untold"] == 0


def test_a_turn_that_never_arrived_has_used_nothing() -> None:
    found = of_session([turn(1, input=2), turn(2, state="aborted", tombstone=True)])
    assert found is not None
    assert found["turns_untold"] == 0


def test_numbers_that_count_from_the_first_turn_are_the_sum_already() -> None:
    whole = {"usage_of": "conversation"}
    found = of_session([turn(1, input=2, **whole), turn(2, input=5, **whole)])
    assert found is not None
    assert found["input_tokens"] == 5


def test_six_turns_cost_what_the_last_of_them_tells_where_the_cost_is_the_conversation_s() -> None:
    costs = [0.006, 0.013, 0.019, 0.026, 0.032, 0.039]
    turns = [turn(number, input=2, cost=cost, usage_of="turn", cost_of="conversation")
             for number, cost in enumerate(costs, start=1)]  # fmt: skip

    found = of_session(turns)

    assert found is not None
    assert (found["input_tokens"], found["cost_usd"]) == (12, 0.039)
    assert (found["of"], found["cost_of"]) == ("session", "session")
    assert over_limit(found, 0.1) is None


def test_a_new_conversation_begins_a_new_count_and_what_the_one_before_has_cost_stays() -> None:
    whole = {"usage_of": "turn", "cost_of": "conversation"}
    costs = [0.25, 0.75, 0.5, 1.0]

    found = of_session(turn(number, cost=cost, **whole) for number, cost in enumerate(costs, 1))

    assert found is not None
    assert found["cost_usd"] == 1.75


@pytest.mark.parametrize(
    ("limit", "cost"),
    [(0.5, 0.75), (0.75, 0.75), (0.76, None), (0, None), (None, None), (True, None), ("1", None)],
)
def test_a_session_is_over_its_limit_once_it_has_cost_as_much(
    limit: object, cost: float | None
) -> None:
    assert over_limit(of_session([turn(1, cost=0.5), turn(2, cost=0.25)]), limit) == cost


def test_a_session_whose_cost_is_not_told_is_over_no_limit() -> None:
    assert over_limit(of_session([turn(1, input=5)]), 0.01) is None
