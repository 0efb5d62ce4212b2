"""What is said of the ends of real agents: who stopped for a person, who asks, and why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.integration.agents.test_real_agents import every_agent, work_of

if TYPE_CHECKING:
    from tests.integration.agents.conftest import Shop

pytestmark = pytest.mark.resident

_DEFER = {
    "hookSpecificOutput": {"hookEventName": "PreToolUse", "permissionDecision": "defer"},
}


def _settle(shop: Shop, project: str, settings: object) -> str:
    """Make a directory in which Claude Code has these settings, and return its path."""
    text = json.dumps(settings).replace("'", "'\\''")
    shop.on_vm(f"mkdir -p {project}/.claude && printf %s '{text}' >{project}/.claude/settings.json")
    shop.on_vm(f"git init -q {project}; cd {project}; git add -A; " + _COMMIT)
    return f"~/{project}"


_COMMIT = "git -c user.name=A -c user.email=a@example.org commit -qm settings || true"


@pytest.mark.parametrize(
    ("task", "outcome", "reason"),
    [
        ("RUN: rm nothing\nRUN: echo went on", "SUCCESS", "ok"),
        ("RUN: echo begun\nRUN: rm nothing", "FAILURE", "needs_input"),
    ],
)
def test_a_denied_tool_call_calls_for_a_person_only_if_the_agent_stopped_at_it(
    shop: Shop, task: str, outcome: str, reason: str
) -> None:
    repo = _settle(shop, "denies", {"permissions": {"ask": ["Bash(rm:*)"]}})
    result = work_of(shop, task, "--agent", "claude", "--repo", repo)

    assert (result["outcome"], result["reason"]) == (outcome, reason), result


def test_a_tool_call_that_waits_for_a_person_calls_for_one(shop: Shop) -> None:
    hook = {"type": "command", "command": f"printf %s '{json.dumps(_DEFER)}'"}
    hooks = {"PreToolUse": [{"matcher": "Bash", "hooks": [hook]}]}
    repo = _settle(shop, "defers", {"hooks": hooks})
    result = work_of(shop, "RUN: echo never", "--agent", "claude", "--repo", repo)

    assert (result["outcome"], result["reason"]) == ("FAILURE", "needs_input"), result


@every_agent
def test_a_question_at_the_end_is_a_success_that_asks(shop: Shop, agent: str) -> None:
    answer = shop.user.run("epyc6", "Begin. ASK", "--agent", agent, "--wait", "--json")
    result = answer.result

    assert (result["outcome"], result["asks"]) == ("SUCCESS", True), result
    assert b" asks=true" in answer.err
    line = shop.user.run("--logs", result["session_id"]).err.decode()
    assert "ends with a question; answer with --session" in line
    listed = shop.user.run("--sessions", "epyc6", "--json").document["sessions"]
    (seen,) = [each for each in listed if each["session_id"] == result["session_id"]]
    assert (seen["state"], seen["asks"]) == ("succeeded", True)


@pytest.mark.parametrize("agent", ["opencode", "codex"])
def test_a_last_message_that_is_empty_is_said(shop: Shop, agent: str) -> None:
    result = work_of(shop, "MUTE\nRUN: echo hello", "--agent", agent)

    assert (result["outcome"], result["message"]) == ("SUCCESS", ""), result
    assert b"its last message is empty" in shop.user.run("--logs", result["session_id"]).err


def test_a_full_context_is_told_in_the_words_of_the_model(shop: Shop) -> None:
    result = work_of(shop, "FULL")

    assert (result["outcome"], result["reason"]) == ("FAILURE", "agent_error")
    assert "scripted maximum context length is 9 tokens" in result["error"]


def test_an_answer_that_is_longer_than_what_a_listing_keeps_is_no_failure(shop: Shop) -> None:
    result = work_of(shop, "ECHO " + "long " * 2000, "--agent", "claude")
    listed = shop.user.run("--sessions", "epyc6", "--json").document["sessions"]
    (seen,) = [each for each in listed if each["session_id"] == result["session_id"]]

    assert (result["outcome"], seen["state"]) == ("SUCCESS", "succeeded")
