"""What real agents do at a usage limit, and what they tell of their usage."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

import pytest

from tests.integration.agents.test_real_agents import AGENTS, every_agent, work_of

if TYPE_CHECKING:
    from tests.integration.agents.conftest import Shop

pytestmark = pytest.mark.resident

_LIMIT = dict.fromkeys(["subscriber", *AGENTS], "LIMIT=3000")
_LIMIT["opencode"] += " AFTER=1"
"""OpenCode waits silently, as long as the service says, up to five times."""
_TELLS_A_TIME = {"codex", "opencode", "subscriber"}
"""Claude Code with a key is told no time, nor is Gemini CLI of its daily quota."""
_SLOW = ["codex", "gemini"] if os.environ.get("DX_SLOW_LIMITS") else []
"""Agents whose limit takes more than a minute: told to the minute, or not told at all."""


@pytest.mark.parametrize("agent", _LIMIT)
def test_a_limit_is_recognised(shop: Shop, agent: str) -> None:
    result = work_of(shop, f"{_LIMIT[agent]} {agent}", "--agent", agent, "--timeout", "300")

    assert (result["outcome"], result["reason"]) == ("FAILURE", "usage_limit"), result
    assert (result["resets_at"] is not None) == (agent in _TELLS_A_TIME)
    if result["resets_at"]:
        left = result["resets_at"] - time.time()
        assert left <= 1 if agent == "opencode" else 2900 < left <= 3060


@pytest.mark.long
@pytest.mark.parametrize("agent", ["opencode", "subscriber", *_SLOW])
def test_after_the_limit_the_agent_goes_on_in_its_own_conversation(shop: Shop, agent: str) -> None:
    limit = _LIMIT[agent] if agent == "opencode" else "LIMIT=8"
    task = f"RUN: echo begun\n{limit} {agent}"
    result = work_of(
        shop,
        task,
        "--agent",
        agent,
        "--on-limit",
        "wait",
        "--timeout",
        "300",
        "--idle-timeout",
        "200",
    )

    assert (result["outcome"], result["turn"]) == ("SUCCESS", 1), result
    assert result["message"].startswith("OK turns="), result
    assert any(prompt.endswith("Continue.") for prompt in shop.model.prompts)


@every_agent
def test_tokens_are_told_and_summed_over_a_session(shop: Shop, agent: str) -> None:
    first = work_of(shop, "Begin", "--agent", agent)
    assert first["usage"]["input_tokens"] >= 1, first
    assert first["usage"]["output_tokens"] >= 1
    assert (first["usage"]["cost_usd"] is not None) == (agent in {"opencode", "claude"})
    second = work_of(shop, "More", "--session", first["session_id"])
    status = shop.user.run("--status", first["session_id"], "--json").document
    total = status["session"]["usage"]
    if second["usage"]["of"] == "conversation":
        assert total["input_tokens"] == second["usage"]["input_tokens"]
    else:
        told = [each["usage"]["input_tokens"] for each in (first, second)]
        assert total["input_tokens"] == sum(told)
    assert (total["of"], total["turns_untold"]) == ("session", 0)


def test_six_turns_of_claude_cost_what_it_says_after_the_last(shop: Shop) -> None:
    session = work_of(shop, "Turn 1", "--agent", "claude")["session_id"]
    for number in range(2, 7):
        work_of(shop, f"Turn {number}", "--session", session, "--max-cost", "0.1")

    lines = shop.user.run("--logs", session, "--raw").out.decode().splitlines()
    said = [json.loads(line)["total_cost_usd"] for line in lines if '"type":"result"' in line]
    total = shop.user.run("--status", session, "--json").document["session"]["usage"]

    assert total["cost_usd"] == pytest.approx(said[-1], abs=1e-9)
    assert said[0] < said[-1] < sum(said)


def test_after_a_limit_in_its_first_turn_gemini_takes_the_next_prompt(shop: Shop) -> None:
    task = f"{_LIMIT['gemini']} gemini"
    first = work_of(shop, task, "--agent", "gemini", "--timeout", "300")
    more = work_of(shop, "More", "--session", first["session_id"])
    third = work_of(shop, "And more", "--session", first["session_id"])

    assert (first["reason"], more["outcome"]) == ("usage_limit", "SUCCESS"), more
    assert (more["turn"], third["outcome"]) == (2, "SUCCESS"), third
    shown = shop.user.run("--logs", first["session_id"]).out
    assert shown.count(b"gemini could not go on with its conversation") == 1
    assert "turns=2" in third["message"]
