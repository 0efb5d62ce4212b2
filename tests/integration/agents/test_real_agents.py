"""What the real agents do for a user: work, go on, fail, and end when they are told to."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.agents.conftest import Shop

pytestmark = pytest.mark.resident

AGENTS = ["opencode", "claude", "codex", "gemini"]
_PATIENCE = 600.0
"""Seconds; an agent alone takes a minute to start on a busy machine."""


def every_agent(test: Callable[..., None]) -> Callable[..., None]:
    """Run it with each agent; in a sample with two, which are others in the next test."""
    marked: Callable[..., None] = pytest.mark.parametrize("agent", AGENTS)(test)
    sampled: Callable[..., None] = pytest.mark.sampled(agent=2)(marked)
    return sampled


def work_of(shop: Shop, task: str, *options: str) -> dict[str, Any]:
    """Hand it over, wait for its end, and return the result."""
    answer = shop.user.run("epyc6", task, "--wait", "--json", *options, limit=_PATIENCE)
    assert answer.out, answer.err
    return answer.result


def _start(shop: Shop, task: str, *options: str) -> str:
    answer = shop.user.run("epyc6", task, "-q", *options)
    assert answer.code == 0, answer.err
    return answer.out.decode().strip()


@every_agent
def test_it_works_in_a_worktree_of_its_own_and_goes_on_there(shop: Shop, agent: str) -> None:
    checkout = shop.new_repository(f"app-{agent}")
    task = "First of all\nRUN: echo hello >made.txt; git add made.txt; git commit -qm made"
    first = work_of(
        shop, task, "--agent", agent, "--repo", f"~/app-{agent}", "--verify", "cat made.txt"
    )

    assert (first["outcome"], first["turn"], first["agent"]) == ("SUCCESS", 1, agent)
    assert first["message"].startswith("OK turns=1 tools=1")
    assert first["changes"]["commits"] == first["changes"]["files"] == 1
    assert first["branch"] == f"dx/{first['session_id']}"
    assert not (checkout / "made.txt").exists()

    second = work_of(shop, "And then", "--session", first["session_id"])
    assert (second["outcome"], second["turn"]) == ("SUCCESS", 2)
    assert second["message"].startswith('OK turns=2 tools=0 first="First of all')
    assert second["directory"] == first["directory"]
    assert second["changes"]["no_changes"]

    log = shop.user.run("--logs", first["session_id"]).out.decode()
    assert "made.txt" in log
    assert log.index("OK turns=1") < log.index("OK turns=2")


@every_agent
def test_an_error_of_the_model_is_told_in_the_agents_own_words(shop: Shop, agent: str) -> None:
    result = work_of(shop, "ERROR=401", "--agent", agent)

    assert (result["outcome"], result["reason"]) == ("FAILURE", "agent_error")
    assert "401" in result["error"]
    (listed,) = shop.user.run("--sessions", "epyc6", "--json").document["sessions"][:1]
    assert (listed["session_id"], listed["state"]) == (result["session_id"], "failed")


@every_agent
def test_an_abort_in_the_middle_of_an_answer_leaves_nothing_running(shop: Shop, agent: str) -> None:
    session = _start(shop, "SLOW=90", "--agent", agent)
    wait_until(lambda: bool(shop.model.prompts))
    answer = shop.user.run("--abort", session, "--json")

    assert (answer.code, answer.result["stop_verified"]) == (0, True)
    assert not shop.tagged()
    assert shop.user.run("--status", session, "--json").document["session"]["state"] == "aborted"
    assert shop.user.run("--abort", session).code == 0


@every_agent
def test_a_deadline_in_the_middle_of_a_tool_ends_what_the_tool_started(
    shop: Shop, agent: str
) -> None:
    long = f"{4000 + os.getpid() % 1000}"  # others may be at this test on this machine
    tools = f"setsid sh -c 'exec sleep {long}1' & nohup sleep {long}2 & perl -e 'sleep {long}3'"
    result = work_of(shop, f"RUN: {tools}", "--agent", agent, "--timeout", "9")

    assert (result["outcome"], result["reason"]) == ("TIMEOUT", "deadline")
    assert result["stop_verified"] is True
    assert not shop.tagged()
    running = shop.on_vm("ps ax -o args=").splitlines()
    assert not [line for line in running if f"sleep {long}" in line]


@pytest.mark.parametrize("task", ["CUT", "STALL=90"])
def test_an_agent_that_loops_or_falls_silent_is_ended_as_idle(shop: Shop, task: str) -> None:
    result = work_of(shop, task, "--idle-timeout", "6")

    assert (result["outcome"], result["reason"]) == ("TIMEOUT", "idle")
    assert result["stop_verified"] is True
    assert not shop.tagged()


@every_agent
def test_a_prompt_arrives_as_it_is(shop: Shop, agent: str) -> None:
    prompt = (
        "-n \"it's\" $HOME `id` $(id) \\n {{ 7*7 }} {% raw %} !unsafe 'x' ; & | ümläut\n\n --help"
    )
    task = shop.user.home / "task.md"
    task.write_text(prompt)
    answer = shop.user.run("epyc6", "--file", str(task), "--agent", agent, "--wait", "--json")

    assert answer.result["outcome"] == "SUCCESS"
    assert prompt in shop.model.prompts


def test_a_megabyte_of_prompt_arrives(shop: Shop) -> None:
    prompt = "start " + "word " * 200_000 + "end"
    answer = shop.user.run("epyc6", "--file", "-", "--wait", "--json", stdin=prompt.encode())

    assert answer.result["outcome"] == "SUCCESS"
    assert prompt in shop.model.prompts


def test_a_slash_is_no_command_of_claude_code(shop: Shop) -> None:
    result = work_of(shop, "/help me ECHO", "--agent", "claude")

    assert result["outcome"] == "SUCCESS"
    assert '"/help me ECHO"' in result["message"]


def test_the_fleet_shows_the_agents_and_their_versions(shop: Shop) -> None:
    def knows_the_version() -> bool:  # one that is long in coming is left out, and asked for again
        host = _health(shop)
        assert (host["agent"], host["agent_found"]) == ("opencode", True)
        return str(host["agent_version"]).startswith("1.")

    wait_until(knows_the_version)


def _health(shop: Shop) -> dict[str, Any]:
    (host,) = shop.user.run("--status", "epyc6", "--json").document["hosts"]
    return dict(host)
