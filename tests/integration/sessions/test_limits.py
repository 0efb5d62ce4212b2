"""A turn whose agent reaches its usage limit: told with the time, or waited for on the VM."""

from __future__ import annotations

import os
import shutil
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.integration.sessions.work import (
    await_end,
    begin,
    processes_of,
    state_of,
    turn_directory,
)
from tests.integration.vm_processes import wait_until

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Vm

pytestmark = pytest.mark.resident

BOUNDED = ("--agent", "bounded")
WAIT = (*BOUNDED, "--on-limit", "wait")


def _prompts(vm: Vm, session: str, turn: int = 1) -> list[str]:
    return (vm.home / f"{session}.{turn}.prompts").read_text().splitlines()


def _listed(user: Dispatcher, session: str) -> dict[str, Any]:
    listed = user.run("--sessions", "epyc6", "--json").document["sessions"]
    (seen,) = [each for each in listed if each["session_id"] == session]
    return dict(seen)


def _await_wait(vm: Vm, session: str) -> None:
    wait_until((turn_directory(vm, session) / "waits").exists, 60, "the turn waits")


def test_a_limit_ends_the_turn_with_the_time_at_which_it_resets(user: Dispatcher) -> None:
    before = int(time.time())
    result = user.run("epyc6", "limit 3600", *BOUNDED, "--wait", "--json").result

    assert (result["outcome"], result["reason"]) == ("FAILURE", "usage_limit"), result
    assert before + 3600 <= result["resets_at"] <= time.time() + 3600
    assert "--on-limit wait" in result["error"]
    seen = _listed(user, result["session_id"])
    assert (seen["state"], seen["reason"]) == ("failed", "usage_limit")
    assert seen["resets_at"] == result["resets_at"]


def test_with_wait_the_turn_goes_on_once_and_the_wait_is_not_its_time(
    user: Dispatcher, epyc6: Vm
) -> None:
    options = ("--timeout", "3", "--idle-timeout", "2")
    answer = user.run("epyc6", "limit 8", *WAIT, *options, "--wait", "--json")

    assert answer.result["outcome"] == "SUCCESS", (answer.result, answer.err)
    assert (answer.result["turn"], answer.result["message"]) == (1, "done")
    assert answer.result["duration_ms"] >= 7000
    assert _prompts(epyc6, answer.result["session_id"]) == ["limit 8", "Continue."]
    usage = answer.result["usage"]
    assert (usage["input_tokens"], usage["cost_usd"]) == (3, 0.25)
    assert usage["output_tokens"] is None
    shown = user.run("--logs", answer.result["session_id"]).out
    assert b"bounded has reached its usage limit; the turn goes on at" in shown


def test_without_any_client_it_is_seen_to_wait_and_goes_on(user: Dispatcher, epyc6: Vm) -> None:
    session = begin(user, "limit 10", *WAIT)
    _await_wait(epyc6, session)
    seen = _listed(user, session)
    if seen["state"] == "limited":  # unless this machine was too busy to look in time
        assert 0 <= seen["resumes_s"] <= 10
        assert seen["outcome"] is None
    await_end(epyc6, session)
    assert state_of(user, session) == "succeeded"
    assert _prompts(epyc6, session) == ["limit 10", "Continue."]


def test_a_wait_can_be_aborted_and_leaves_nothing(user: Dispatcher, epyc6: Vm) -> None:
    session = begin(user, "limit 3600", *WAIT)
    _await_wait(epyc6, session)
    status = user.run("--status", session)
    assert b"limited, goes on in" in status.out, status.err
    document = user.run("--status", session, "--json").document
    assert 3000 < document["session"]["resumes_s"] <= 3600

    answer = user.run("--abort", session, "--json")
    assert (answer.code, answer.result["stop_verified"]) == (0, True)
    assert not processes_of(session)
    assert state_of(user, session) == "aborted"
    assert _prompts(epyc6, session) == ["limit 3600"]


def test_a_wait_whose_keeper_was_killed_is_lost_and_never_goes_on(
    user: Dispatcher, epyc6: Vm
) -> None:
    session = begin(user, "limit 6", *WAIT)
    _await_wait(epyc6, session)
    supervisor = (turn_directory(epyc6, session) / "supervisor").read_text()
    os.kill(int(supervisor.split()[0]), signal.SIGKILL)
    wait_until(lambda: not processes_of(session), 60, "the turn has gone")

    assert state_of(user, session) == "lost"
    assert _prompts(epyc6, session) == ["limit 6"]


def test_a_session_that_has_cost_its_limit_asks_before_its_next_turn(
    user: Dispatcher, epyc6: Vm
) -> None:
    first = user.run("epyc6", "work", *BOUNDED, "--max-cost", "0.20", "--wait", "--json").result
    session = first["session_id"]
    assert (first["outcome"], first["usage"]["cost_usd"]) == ("SUCCESS", 0.25)
    assert _listed(user, session)["state"] == "needs_input"

    refused = user.run("--session", session, "more", "--wait", "--json").result
    assert (refused["outcome"], refused["reason"]) == ("FAILURE", "needs_input"), refused
    assert "$0.25 of at most $0.20" in refused["error"]
    assert not (epyc6.home / f"{session}.2.prompts").exists()

    more = user.run("--session", session, "more", "--max-cost", "1", "--wait", "--json").result
    assert (more["outcome"], more["turn"]) == ("SUCCESS", 2)
    seen = _listed(user, session)
    assert (seen["state"], seen["usage"]["cost_usd"]) == ("succeeded", 0.5)
    assert (seen["usage"]["of"], seen["usage"]["input_tokens"]) == ("session", 6)
    assert b"cost: $0.5000" in user.run("--status", session).out


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("--max-cost", "5"), "shell does not tell what it costs"),
        (("--on-limit", "wait"), "the record of shell has no usage_limit"),
    ],
)
def test_what_an_agent_cannot_tell_is_refused(
    user: Dispatcher, option: tuple[str, str], words: str
) -> None:
    answer = user.run("epyc6", "echo never", *option, "--wait", "--json")
    assert answer.result["reason"] == "agent_invalid"
    assert words in answer.result["error"]


def test_limits_of_the_inventory_hold_for_agents_that_have_them(
    user: Dispatcher, tmp_path: Path
) -> None:
    inventory = tmp_path / "inventory"
    shutil.copytree(user.environment["DX_INVENTORY"], inventory)
    limits = "---\ndx_max_cost: 0.2\ndx_on_limit: wait\n"
    (inventory / "host_vars" / "epyc6" / "limits.yml").write_text(limits)
    given = ("-i", str(inventory), "--wait", "--json")

    without = user.run("epyc6", "echo hi there", *given).result
    with_them = user.run("epyc6", "limit 1", *BOUNDED, *given).result
    more = user.run("--session", with_them["session_id"], "more", *given).result

    assert (without["outcome"], without["message"]) == ("SUCCESS", "hi there\n"), without
    assert (with_them["outcome"], with_them["message"]) == ("SUCCESS", "done"), with_them
    assert "$0.25 of at most $0.20" in more["error"]
