"""Conversations that somebody has begun by hand on the VM."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

import pytest

from tests.integration.agents.test_real_agents import every_agent, work_of

if TYPE_CHECKING:
    from tests.integration.agents.conftest import Shop

pytestmark = pytest.mark.resident

COMMANDS = {
    "opencode": 'opencode run --format json --dir "$PWD"',
    "claude": "claude -p --output-format stream-json --verbose",
    "codex": "codex exec --json --skip-git-repo-check -",
    "gemini": "gemini --output-format stream-json --approval-mode yolo --skip-trust",
}
IDS = {
    "opencode": "sessionID",
    "claude": "session_id",
    "codex": "thread_id",
    "gemini": "session_id",
}
UNKNOWN = {
    "opencode": "ses_df3f8787affe5K30u83AH9tvkT",
    "claude": "1a64e7a9-0eb4-4289-9c29-0955146cb409",
    "codex": "01a2144a-9732-7f13-9eae-8687f579d2bd",
    "gemini": "5d2b2d0b-6f0f-4c84-93fd-e2e5e0d8f1c9",
}


def _begin(shop: Shop, agent: str, directory: str) -> str:
    """Begin a conversation as somebody does who is logged in there, and return its id."""
    record = json.loads((shop.inventory / "group_vars" / "all.yml").read_text())
    environment = record["dx_agents"][agent]["environment"]
    exports = "".join(f"export {name}={shlex.quote(text)}; " for name, text in environment.items())
    said = shop.on_vm(
        f"{exports} mkdir -p {directory} && cd {directory} && echo begun by hand | "
        f"{record['dx_path'][0]}/{COMMANDS[agent]}"
    )
    events = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return str(next(event[IDS[agent]] for event in events if IDS[agent] in event))


@pytest.mark.long
@every_agent
def test_a_conversation_that_was_begun_by_hand_goes_on_in_its_own_directory(
    shop: Shop, agent: str
) -> None:
    native = _begin(shop, agent, f"by-hand-{agent}")
    for turn in (1, 2):
        task = f"Continue\nRUN: pwd >here-{turn}"
        result = work_of(shop, task, "--session", native, "--agent", agent)
        assert (result["outcome"], result["turn"]) == ("SUCCESS", turn), result
        assert result["message"].startswith(f'OK turns={turn + 1} tools=1 first="begun by hand')
        assert result["directory"] == str(shop.vm.home / f"by-hand-{agent}")
        assert (shop.vm.home / f"by-hand-{agent}" / f"here-{turn}").exists()


@pytest.mark.long
@pytest.mark.parametrize("agent", ["claude", "codex"])
def test_a_directory_that_was_chosen_comes_before_the_one_of_the_beginning(
    shop: Shop, agent: str
) -> None:
    native = _begin(shop, agent, f"moved-{agent}")
    shop.on_vm(f"mkdir 'elsewhere {agent}'; rm -r moved-{agent}")
    chosen = ("--session", native, "--agent", agent)

    gone = work_of(shop, "Continue", *chosen)
    assert (gone["outcome"], gone["reason"]) == ("FAILURE", "directory_unusable"), gone
    moved = work_of(shop, "Go on\nRUN: pwd >here", *chosen, "--dir", f"~/elsewhere {agent}")
    assert moved["outcome"] == "SUCCESS", moved
    assert (shop.vm.home / f"elsewhere {agent}" / "here").exists()
    again = work_of(shop, "And on", *chosen)
    assert again["directory"] == moved["directory"] == str(shop.vm.home / f"elsewhere {agent}")


@every_agent
def test_a_conversation_that_is_not_there_is_told(shop: Shop, agent: str) -> None:
    result = work_of(shop, "Continue", "--session", UNKNOWN[agent], "--agent", agent)

    assert (result["outcome"], result["reason"]) == ("FAILURE", "no_conversation"), result
    assert f"{agent} has no conversation {UNKNOWN[agent]} on this VM" in result["error"]
    assert not shop.model.prompts


@every_agent
def test_a_conversation_that_is_not_there_is_told_in_a_chosen_directory_too(
    shop: Shop, agent: str
) -> None:
    where = ("--session", UNKNOWN[agent][:-1] + "0", "--agent", agent, "--dir", "~")
    result = work_of(shop, "Continue", *where)

    assert (result["outcome"], result["reason"]) == ("FAILURE", "agent_error"), result
    said = {
        "opencode": "Session not found",
        "claude": "No conversation",
        "codex": "no rollout",
        "gemini": "Error resuming session",
    }
    assert said[agent] in result["error"]
