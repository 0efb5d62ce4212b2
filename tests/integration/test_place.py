"""Where a command runs: its directory and its environment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Vm

pytestmark = [pytest.mark.engines, pytest.mark.sampled("user")]

ODD = "a 'b' \"c\" $(touch pwned) `id` {{ 7*7 }}\n\ttwo grün \\"


@pytest.mark.newcomer
def test_a_variable_arrives_as_it_is_and_its_value_may_come_from_here(
    user: Dispatcher, epyc6: Vm
) -> None:
    program = "import json, os; print(json.dumps([*map(os.getenv, ('ODD', 'HERE'))]))"
    answer = user.run(
        "epyc6", "--exec", f'python3 -c "{program}"', "--env", f"ODD={ODD}", "--env", "HERE",
        env={"HERE": "secret"},
    )  # fmt: skip
    assert (answer.code, json.loads(answer.out)) == (0, [ODD, "secret"])
    assert not (epyc6.home / "pwned").exists()


@pytest.mark.parametrize("where", ["~/a b", "a b", "{home}/a b"])
def test_a_command_runs_in_the_directory_that_was_chosen(
    user: Dispatcher, epyc6: Vm, where: str
) -> None:
    place = epyc6.home / "a b"
    place.mkdir(exist_ok=True)
    answer = user.run("epyc6", "--exec", "pwd -P", "--cwd", where.format(home=epyc6.home))
    assert (answer.code, answer.out.decode()) == (0, f"{place.resolve()}\n")


def test_where_the_directory_is_missing_nothing_runs(user: Dispatcher, epyc6: Vm) -> None:
    answer = user.run("epyc6", "--exec", "touch ~/ran-nowhere", "--cwd", "/no/such", "--json")
    assert (answer.code, answer.result["outcome"]) == (1, "FAILURE")
    assert "/no/such" in answer.result["stderr"]
    assert not (epyc6.home / "ran-nowhere").exists()


def test_an_id_is_bound_to_the_place_too(user: Dispatcher) -> None:
    given = ("epyc6", "--exec", "echo ran", "--run-id", "place_1", "--json")
    assert user.run(*given, "--env", "A=1").result["outcome"] == "SUCCESS"
    assert user.run(*given, "--env", "A=1").result["attached"] is True
    refused = user.run(*given, "--env", "A=2")
    assert (refused.code, refused.result["reason"]) == (2, "id_conflict")


@pytest.mark.parametrize("given", ["1A=x", "=x", "A B=x", "NOT_SET_HERE"])
def test_what_is_no_variable_is_a_usage_error(user: Dispatcher, given: str) -> None:
    assert user.run("epyc6", "--exec", "true", "--env", given).code == 2
