"""Rules of simulated histories: fixed seeds of each profile, and every failure of former times."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.simulation.calls import play_call
from tests.simulation.history import History
from tests.simulation.judge import judge
from tests.simulation.plan import PROFILES, make_plan
from tests.simulation.shrink import STORED, failures_of, kind_of, known_kinds, shrink

# a garbled answer may have any word for a state
pytestmark = pytest.mark.filterwarnings("ignore:no session has the state:PendingDeprecationWarning")

SEEDS = 3000 // len(PROFILES)


def kinds(plan: dict[str, Any]) -> set[str]:
    return {kind_of(failure) for failure in failures_of(plan)}


@pytest.mark.parametrize("profile", PROFILES)
def test_what_is_said_is_so(profile: str) -> None:
    for seed in range(SEEDS):
        plan = make_plan(seed, profile)
        assert kinds(plan) <= known_kinds(profile), (seed, profile, failures_of(plan))


@pytest.mark.parametrize("name", STORED)
def test_a_former_failure_does_not_come_back(name: str) -> None:
    stored = STORED[name]

    assert failures_of(stored["plan"]) == ([stored["failure"]] if "known" in stored else [])


def test_the_same_plan_is_the_same_history() -> None:
    plan = make_plan(7, "both")
    first, second = History(plan).play(), History(json.loads(json.dumps(plan))).play()

    assert first.network.calls == second.network.calls
    assert [client.record for client in first.clients] == [
        client.record for client in second.clients
    ]


def test_a_plan_that_shows_a_failure_is_made_shorter() -> None:
    plan = STORED["power-conflict"]["plan"]
    power, clock = plan["faults"][0], {"kind": "clock", "at": 1.0, "by": 5.0, "whose": "client"}
    longer = {**plan, "faults": [clock, power, clock]}

    short = shrink(longer, lambda each: ["power is lost"] if power in each["faults"] else [])

    assert short["faults"] == [power]
    assert len(short["clients"]) == 1


def test_a_run_that_follows_a_killed_one_waits_for_its_host_as_long_as_is_left() -> None:
    command = {"seconds": 2.0, "code": 0}
    off = {"kind": "net", "from": 0.0, "to": 500.0, "how": "off"}
    caller = {"when_back": 60.0, "killed": 50.0}
    plan = {
        "seed": 1, "profile": "waiting_calls", "commands": [command], "clients": [],
        "faults": [off], "caller": caller,
    }  # fmt: skip
    _history, (call,) = play_call(plan)

    assert 60 <= call.ended < 80


def test_a_history_without_a_fault_ends_as_the_command_does() -> None:
    command = {"seconds": 2.0, "code": 3}
    run = {"kind": "run", "at": 0.0, "name": "a", "command": 0, "token": "t1"}
    plan = {"seed": 1, "profile": "calm", "commands": [command], "clients": [run], "faults": []}
    history = History(plan).play()

    assert judge(history) == []
    assert history.clients[0].record["exit_code"] == 3
