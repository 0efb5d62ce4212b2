"""A GitHub that was not written here has our pull requests: PyPI's myworld."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dxansible.errors import ServiceError
from dxansible.github.client import GitHubClient, Proposal, open_pull_request
from dxansible.record import Reason
from tests.services import myworld
from tests.services.myworld import World

if TYPE_CHECKING:
    from collections.abc import Iterator

BRANCH = "dx/bd-1"
PROPOSAL = Proposal(
    repository="acme/api", branch=BRANCH, head="0" * 40, base="main", only_base=False,
    title="Mend it", body="Beads-Issue: bd-1", draft=True,
)  # fmt: skip


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with myworld.serve(tmp_path_factory.mktemp("myworld")) as address:
        yield address


@pytest.fixture
def world(address: str) -> World:
    return World(address)


@pytest.fixture
def client(world: World) -> GitHubClient:
    return GitHubClient(world.api, world.token)


def test_it_has_one_pull_request_however_often_it_is_opened(
    world: World, client: GitHubClient
) -> None:
    before = world.pulls()
    world.push(BRANCH)

    first = open_pull_request(client, PROPOSAL)
    second = open_pull_request(client, replace(PROPOSAL, title="Again", draft=False))

    assert (first.origin, second.origin, first.url) == ("created", "found", second.url)
    assert first.url == f"https://github.com/acme/api/pull/{first.number}"
    assert sorted(world.pulls()) == sorted([*before, (BRANCH, "Mend it", True)])


def test_its_refusals_are_understood(world: World, client: GitHubClient) -> None:
    world.push("dx/empty", commit=False)
    world.push(BRANCH)
    reasons = []
    with pytest.raises(
        ServiceError, match="dx/empty has no commits that are not in main"
    ) as raised:
        open_pull_request(client, replace(PROPOSAL, branch="dx/empty"))
    reasons.append(raised.value.reason)
    for proposal, words in [
        (
            replace(PROPOSAL, base="nosuch"),
            "acme/api has no branch nosuch: name another",
        ),
        (replace(PROPOSAL, branch="nosuch"), "head invalid"),
        (replace(PROPOSAL, repository="acme/nosuch"), "GITHUB_TOKEN has no access"),
    ]:
        with pytest.raises(ServiceError, match=words) as raised:
            open_pull_request(client, proposal)
        reasons.append(raised.value.reason)
    stranger = GitHubClient(world.api, "gho_nobody")
    with pytest.raises(
        ServiceError, match=r"is invalid or has expired \(Bad credentials\)"
    ) as raised:
        open_pull_request(stranger, PROPOSAL)

    assert [*reasons, raised.value.reason] == [
        Reason.NO_CHANGES, Reason.GITHUB_ERROR, Reason.GITHUB_ERROR, Reason.GITHUB_AUTH,
        Reason.GITHUB_AUTH,
    ]  # fmt: skip
