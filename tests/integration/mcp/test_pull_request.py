"""An agent opens the pull request of a session that it has dispatched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.mcp.agent import Agent

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.dispatcher import Dispatcher
    from tests.services.myworld import World

pytestmark = pytest.mark.resident


def test_the_work_of_a_session_becomes_a_pull_request_and_the_same_one_when_asked_again(
    user: Dispatcher, project: Path, world: World
) -> None:
    task = ("epyc6", "echo two >file", "--repo", str(project), "--beads", "bd-12", "--wait")
    session = user.run(*task, "--json").result["session_id"]
    agent = Agent(user, env={"GITHUB_TOKEN": world.token, "GITHUB_API_URL": world.api})
    first, again = agent.calls(*[("pull_request", {"session": session, "base": "main"})] * 2)

    assert (first["outcome"], first["id"], first["state"]) == ("SUCCESS", session, "ended")
    url = first["results"][0]["pull_request"]
    assert url.startswith("https://github.com/acme/api/pull/")
    assert again["results"][0]["pull_request"] == url
    assert len([branch for branch, *_ in world.pulls() if branch == "dx/bd-12"]) == 1
