"""Rules of a pull request that gh opens on the VM."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.services.gh import FakeGh
from tests.unit.collection.finalizing import BRANCH, TWO_SHELLS, Desk
from tests.unit.collection.test_turn import EVERY_SHELL

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.sampled("shell"),
    pytest.mark.skipif(not shutil.which("git"), reason="no git"),
]
PULLS = "repos/acme/api/pulls"
FIRST = "https://github.com/acme/api/pull/1"


@pytest.fixture
def desk(home: Path) -> Desk:
    """With something to be committed."""
    found = Desk(home)
    found.write()
    return found


def pull(desk: Desk, **changes: object) -> list[str]:
    """One as gh lists it."""
    fields: dict[str, Any] = {
        "state": "open", "merged": "false", "ref": BRANCH, "sha": "0" * 40, "base": "main",
        "number": "7", "url": "https://github.com/acme/api/pull/7", **changes,
    }  # fmt: skip
    assert desk.tree.exists()
    return [str(value) for value in fields.values()]


@pytest.mark.parametrize("shell", EVERY_SHELL)
def test_gh_opens_one_and_finds_it_again(desk: Desk, shell: list[str]) -> None:
    gh = FakeGh.install(desk.programs)

    first = desk.finalize(shell=shell, draft=True)
    desk.write("three\n")
    second = desk.finalize(shell=shell)

    assert (first.end.gh, first.end.pull_request_origin, first.end.url) == (
        "used",
        "created",
        FIRST,
    ), first.err
    assert (second.end.gh, second.end.pull_request_origin, second.end.url) == (
        "used",
        "found",
        FIRST,
    ), second.err
    assert gh.created == [{
        "head": BRANCH, "base": "main", "title": "Mend it", "draft": True,
        "body": "Beads-Issue: bd-1\nDx-Session: ses_1", "maintainer_can_modify": True,
    }]  # fmt: skip
    assert desk.pushed() == ["Mend it", "Mend it", "first"]


@pytest.mark.parametrize("shell", TWO_SHELLS)
def test_a_branch_may_have_quotes_in_its_name(desk: Desk, shell: list[str]) -> None:
    gh = FakeGh.install(desk.programs)
    desk.git(desk.tree, "switch", "-q", "-c", 'it\'s-"it"-$x&y=1')

    ran = desk.finalize(shell=shell)

    assert (ran.code, ran.end.pull_request_origin) == (0, "created"), ran.err
    assert gh.created[0]["head"] == ran.end.branch == 'it\'s-"it"-$x&y=1'


@pytest.mark.parametrize("shell", TWO_SHELLS)
def test_reviewers_are_asked_on_the_vm(desk: Desk, shell: list[str]) -> None:
    gh = FakeGh.install(desk.programs)

    assert desk.finalize(shell=shell, reviewers=["ann", "acme/core"]).code == 0

    assert gh.state["calls"][-1] == [
        "POST", f"{PULLS}/1/requested_reviewers",
        '{"reviewers": ["ann"], "team_reviewers": ["core"]}',
    ]  # fmt: skip


def test_reviewers_that_are_refused_leave_the_pull_request(desk: Desk) -> None:
    FakeGh.install(desk.programs, fails={f"{PULLS}/1/requested_reviewers": "Not Found (HTTP 422)"})

    ran = desk.finalize(reviewers=["nobody"])

    assert (ran.code, ran.end.gh, ran.end.url) == (0, "no_reviewers", FIRST)
    assert ran.end.message == "gh: Not Found (HTTP 422)"


@pytest.mark.parametrize("shell", TWO_SHELLS)
def test_a_create_whose_answer_is_lost_is_looked_for(desk: Desk, shell: list[str]) -> None:
    gh = FakeGh.install(desk.programs, create="lose")

    ran = desk.finalize(shell=shell)

    assert (ran.end.pull_request_origin, ran.end.url, len(gh.created)) == ("found", FIRST, 1)


@pytest.mark.parametrize("shell", EVERY_SHELL)
def test_a_create_that_is_refused_is_left_to_the_client(desk: Desk, shell: list[str]) -> None:
    gh = FakeGh.install(desk.programs, create="refuse")

    ran = desk.finalize(shell=shell)

    assert (ran.code, ran.end.gh, ran.end.url, len(gh.created)) == (0, "failed", None, 1)
    assert "(HTTP 422)" in str(ran.end.message)
    assert "No such luck" in str(ran.end.message)


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("repos/acme/api", "Bad credentials (HTTP 401)"),
        ("repos/acme/api", "error connecting to api.github.com"),
        (PULLS, "Server Error (HTTP 502)"),
    ],
)
def test_a_gh_that_can_t_look_creates_nothing(desk: Desk, path: str, complaint: str) -> None:
    gh = FakeGh.install(desk.programs, fails={path: complaint})

    ran = desk.finalize()

    assert (ran.code, ran.end.gh, ran.end.url) == (0, "failed", None)
    assert ran.end.message == f"gh: {complaint}"
    assert gh.created == []


@pytest.mark.parametrize("shell", TWO_SHELLS)
def test_a_gh_that_is_logged_in_elsewhere_is_left_alone(desk: Desk, shell: list[str]) -> None:
    FakeGh.install(desk.programs, host="ghe.example.org")

    ran = desk.finalize(shell=shell)

    assert (ran.code, ran.end.gh, ran.end.url) == (0, "login", None), ran.err


def test_a_repository_that_was_renamed_is_asked_by_its_name_of_today(desk: Desk) -> None:
    FakeGh.install(desk.programs, renamed="acme/service")

    end = desk.finalize().end

    assert (end.repository, end.url) == ("acme/service", "https://github.com/acme/service/pull/1")


@pytest.mark.parametrize("shell", TWO_SHELLS)
def test_only_an_open_one_of_this_branch_is_the_same(desk: Desk, shell: list[str]) -> None:
    others = [
        pull(desk, state="closed"),
        pull(desk, ref="x"),
        pull(desk, state="closed", merged="true"),
    ]
    gh = FakeGh.install(desk.programs, pulls=others)

    ran = desk.finalize(shell=shell)

    assert (ran.end.pull_request_origin, len(gh.created)) == ("created", 1)


@pytest.mark.parametrize("shell", TWO_SHELLS)
def test_one_that_was_merged_as_the_branch_is_now_is_not_opened_again(
    desk: Desk, shell: list[str]
) -> None:
    desk.git(desk.tree, "commit", "-q", "-am", "by the agent")
    head = desk.git(desk.tree, "rev-parse", "HEAD")
    gh = FakeGh.install(desk.programs, pulls=[pull(desk, state="closed", merged="true", sha=head)])

    ran = desk.finalize(shell=shell, reviewers=["ann"])

    assert (ran.end.pull_request_origin, ran.end.url) == (
        "merged",
        "https://github.com/acme/api/pull/7",
    )
    assert gh.created == []


def test_with_a_base_of_one_s_own_one_to_another_base_is_another(desk: Desk) -> None:
    desk.git(desk.repo, "push", "-q", str(desk.remote), "main:dev")
    gh = FakeGh.install(desk.programs, pulls=[pull(desk)])

    assert desk.finalize().end.pull_request_origin == "found"
    assert desk.finalize(base="dev").end.pull_request_origin == "created"
    assert [each["base"] for each in gh.created] == ["dev"]
