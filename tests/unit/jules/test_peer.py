"""The stand-in for Jules satisfies a client that was not written here: PyPI's jules-agent-sdk."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from tests.services.jules import Fault

if TYPE_CHECKING:
    from tests.services import JulesServer

# it says nothing of its types
sdk = import_module("jules_agent_sdk")
exceptions = import_module("jules_agent_sdk.exceptions")


@pytest.fixture
def peer(jules: JulesServer) -> Any:  # noqa: ANN401 - untyped
    return sdk.JulesClient(api_key=jules.key, base_url=f"{jules.url}/v1alpha")


def test_it_creates_follows_and_gets_the_pull_request(jules: JulesServer, peer: Any) -> None:  # noqa: ANN401 - untyped
    jules.mode = "AUTO_CREATE_PR"  # it has no parameter for this
    (source,) = peer.sources.list()["sources"]
    assert source.github_repo.default_branch.display_name == "main"

    session = peer.sessions.create(
        prompt="Mend it", source=source.name, starting_branch="main", title="Mend"
    )
    assert (session.state.value, session.title, len(session.id)) == ("QUEUED", "Mend", 20)

    done = peer.sessions.wait_for_completion(session.id, poll_interval=0.01, timeout=10)
    urls = [each.pull_request.url for each in done.outputs if each.pull_request]
    assert (done.state.value, urls) == ("COMPLETED", ["https://github.com/acme/widget/pull/7"])

    activities = peer.activities.list(session.id)["activities"]
    assert [each.id for each in activities] == ["a1", "a2", "a3", "a4"]
    assert [each.id for each in peer.sessions.list()["sessions"]] == [session.id]
    assert jules.count("POST", "sessions") == 1


def test_it_approves_and_sends(jules: JulesServer, peer: Any) -> None:  # noqa: ANN401 - untyped
    jules.states = ["AWAITING_PLAN_APPROVAL"]
    session = peer.sessions.create(prompt="x", source="sources/github/acme/widget")
    assert peer.sessions.get(session.id).state.value == "AWAITING_PLAN_APPROVAL"

    peer.sessions.approve_plan(session.id)
    peer.sessions.send_message(session.id, "more")

    assert peer.sessions.get(session.id).state.value == "IN_PROGRESS"
    assert jules.messages == [(session.id, "more")]


def test_its_errors_are_the_ones_it_knows(jules: JulesServer, peer: Any) -> None:  # noqa: ANN401 - untyped
    with pytest.raises(exceptions.JulesNotFoundError, match="Requested entity was not found"):
        peer.sessions.get("1")
    jules.fail("GET", "sessions", Fault.quota("7"))
    with pytest.raises(exceptions.JulesRateLimitError, match="7 seconds"):
        peer.sessions.list()
    jules.key = "another"
    with pytest.raises(exceptions.JulesAuthenticationError, match="Expected OAuth2 access token"):
        peer.sessions.list()
