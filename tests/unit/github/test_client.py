"""Rules of opening a pull request from here."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from dxansible.errors import ServiceError
from dxansible.github.client import (
    GitHubClient,
    Proposal,
    PullRequest,
    ask_reviewers,
    open_pull_request,
)
from dxansible.record import Reason
from tests.services.github import GitHubFault, GitHubServer, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.clock import Clock

HEAD = "1" * 40
PROPOSAL = Proposal(
    repository="acme/api", branch="dx/bd-1", head=HEAD, base="main", only_base=False,
    title="Mend it", body="Beads-Issue: bd-1", draft=True,
)  # fmt: skip
FIRST = "https://github.com/acme/api/pull/1"


@pytest.fixture
def github() -> Iterator[GitHubServer]:
    with GitHubServer() as server:
        yield server


@pytest.fixture
def client(github: GitHubServer, clock: Clock) -> GitHubClient:
    return GitHubClient(github.url, github.token, sleep=clock.sleep)


def other(**changes: object) -> Proposal:
    fields = {name: getattr(PROPOSAL, name) for name in Proposal.__dataclass_fields__}
    return Proposal(**(fields | changes))


def test_one_is_opened_and_then_found(github: GitHubServer, client: GitHubClient) -> None:
    first = open_pull_request(client, PROPOSAL)
    second = open_pull_request(client, PROPOSAL)

    assert first == PullRequest(repository="acme/api", number=1, url=FIRST, origin="created")
    assert (second.url, second.origin, github.creates) == (FIRST, "found", 1)
    assert github.log[1][2] == {
        "title": "Mend it", "body": "Beads-Issue: bd-1", "head": "dx/bd-1", "base": "main",
        "draft": True, "maintainer_can_modify": True,
    }  # fmt: skip


def test_the_same_branch_of_a_fork_and_other_branches_are_not_it(
    github: GitHubServer, client: GitHubClient
) -> None:
    github.add("dx/other")
    fork = {"ref": "dx/bd-1", "label": "acme:dx/bd-1", "repo": {"full_name": "ann/api"}}
    gone = {"ref": "dx/bd-1", "label": "acme:dx/bd-1", "repo": None}
    github.add("x", head=fork)
    github.add("x", head=gone | {"label": "ann:dx/bd-1"})
    github.add("dx/bd-1", state="closed")
    github.add("dx/bd-1", state="closed", merged_at="2026-01-01T00:00:00Z")

    assert open_pull_request(client, PROPOSAL).origin == "created"


def test_owners_and_names_don_t_differ_by_their_case(
    github: GitHubServer, client: GitHubClient
) -> None:
    github.add("dx/bd-1", head={"ref": "dx/bd-1", "label": "acme:dx/bd-1",
                                "repo": {"full_name": "Acme/API"}})  # fmt: skip

    assert open_pull_request(client, PROPOSAL).origin == "found"


def test_one_that_was_merged_as_the_branch_is_now_is_not_opened_again(
    github: GitHubServer, client: GitHubClient
) -> None:
    pull = github.add("dx/bd-1", state="closed", merged_at="2026-01-01T00:00:00Z")
    pull["head"]["sha"] = HEAD

    assert open_pull_request(client, PROPOSAL).origin == "merged"
    assert github.creates == 0


def test_with_a_base_of_one_s_own_one_to_another_base_is_another(
    github: GitHubServer, client: GitHubClient
) -> None:
    github.add("dx/bd-1", "main")

    assert open_pull_request(client, other(base="dev", only_base=True)).origin == "created"
    assert open_pull_request(client, other(base="dev", only_base=True)).number == 2
    assert open_pull_request(client, PROPOSAL).number == 1


def test_a_repository_that_was_renamed_is_followed(
    github: GitHubServer, client: GitHubClient
) -> None:
    github.former = {"old/name"}

    found = open_pull_request(client, other(repository="old/name"))

    assert (found.origin, found.repository) == ("created", "acme/api")


# an unclear create

LOST = [
    GitHubFault(method="POST"),
    GitHubFault(method="POST", status=500),
    GitHubFault(method="POST", status=502, body=b"<html>Bad Gateway</html>"),
    GitHubFault(method="POST", status=201, body=b"<html>hello</html>"),
    GitHubFault(method="POST", status=200, body=b"[]"),
]


@pytest.mark.parametrize("fault", LOST, ids=repr)
def test_a_create_without_a_clear_answer_is_looked_for(
    github: GitHubServer, client: GitHubClient, fault: GitHubFault
) -> None:
    done = GitHubFault(method="POST", status=fault.status, body=fault.body, done=True)
    github.fail(done)

    found = open_pull_request(client, PROPOSAL)

    assert (found.origin, github.creates) == ("found", 1)


@pytest.mark.parametrize("fault", LOST, ids=repr)
def test_what_is_not_found_is_never_created_again_blindly(
    github: GitHubServer, client: GitHubClient, clock: Clock, fault: GitHubFault
) -> None:
    github.fail(fault)

    with pytest.raises(
        ServiceError, match="finalize again: that looks for the pull request first"
    ) as raised:
        open_pull_request(client, PROPOSAL)

    assert (raised.value.reason, github.creates) == (Reason.CREATE_UNCLEAR, 1)
    assert clock.slept == [0.0, 2.0, 5.0]
    assert open_pull_request(client, PROPOSAL).origin == "created"


def test_another_client_s_that_came_in_between_is_found(
    github: GitHubServer, client: GitHubClient
) -> None:
    github.fail(GitHubFault(method="GET", status=200, body=b"[]"))
    github.add("dx/bd-1")

    assert open_pull_request(client, PROPOSAL).origin == "found"
    assert github.creates == 1


# failures

SOON = str(int(time.time()) + 600)
FAILURES: dict[str, tuple[GitHubFault, Reason, str]] = {
    "401": (
        refusal(401, "Bad credentials"),
        Reason.GITHUB_AUTH,
        "GITHUB_TOKEN is invalid or has expired (Bad credentials); create a token",
    ),
    "403": (
        refusal(403, "Resource not accessible by personal access token"),
        Reason.GITHUB_AUTH,
        "lacks a permission (Resource not accessible by personal access token); create a token",
    ),
    "403 sso": (
        refusal(403, "Protected by SAML", X_GitHub_SSO="required; url=https://github.com/x"),
        Reason.GITHUB_AUTH,
        "not authorized for this organization (Protected by SAML); authorize it for single",
    ),
    "404": (
        refusal(404, "Not Found"),
        Reason.GITHUB_AUTH,
        "exist, or GITHUB_TOKEN has no access (Not Found); give the token access",
    ),
    "limit": (
        refusal(403, "API limit", X_RateLimit_Remaining="0", X_RateLimit_Reset=SOON),
        Reason.GITHUB_LIMIT,
        "the GitHub rate limit is exceeded (API limit); wait until",
    ),
    "limit for long": (
        refusal(429, "Slow down", Retry_After="3600"), Reason.GITHUB_LIMIT, "; wait 3600 s",
    ),
    "second limit": (
        refusal(403, "You have exceeded a secondary rate limit"),
        Reason.GITHUB_LIMIT,
        "; wait a few minutes",
    ),
    "410": (refusal(410, "Gone"), Reason.GITHUB_ERROR, "refused the request (HTTP 410: Gone)"),
    "page": (
        GitHubFault(status=200, body=b"<html>Log in</html>"),
        Reason.GITHUB_ERROR,
        "the answer of GitHub is not JSON: a web page; check GITHUB_API_URL",
    ),
    "elsewhere": (
        GitHubFault(status=302, headers={"Location": "https://evil.example/repos"}),
        Reason.GITHUB_ERROR,
        "redirects to evil.example, and the token is not sent there; correct GITHUB_API_URL",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("fault", "reason", "words"), FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_failure_has_a_message_of_its_own(  # noqa: PLR0913, PLR0917 - what differs
    github: GitHubServer,
    client: GitHubClient,
    method: str,
    fault: GitHubFault,
    reason: Reason,
    words: str,
) -> None:
    if method == "POST" and fault.status == 200:
        return  # unclear, see above
    github.fail(GitHubFault(status=fault.status, body=fault.body, headers=fault.headers,
                            method=method))  # fmt: skip

    with pytest.raises(ServiceError) as raised:
        open_pull_request(client, PROPOSAL)

    assert (raised.value.reason, github.pulls) == (reason, [])
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("error", "reason", "words"),
    [
        ({"message": "No commits between main and dx/bd-1"}, Reason.NO_CHANGES, "has no commit"),
        (
            {"resource": "PullRequest", "field": "base", "code": "invalid"},
            Reason.GITHUB_ERROR,
            "acme/api has no branch main: name another with --base",
        ),
        (
            {"message": "Draft pull requests are not supported in this repository."},
            Reason.GITHUB_ERROR,
            "leave out --draft",
        ),
        ({"field": "head", "code": "invalid"}, Reason.GITHUB_ERROR, "(Validation Failed: head inv"),
        ({"message": "A pull request already exists for x"}, Reason.GITHUB_ERROR, "already exists"),
    ],
)
def test_a_refused_create_says_what_to_change(
    github: GitHubServer, client: GitHubClient, error: dict[str, str], reason: Reason, words: str
) -> None:
    fault = refusal(422, "Validation Failed", error)
    github.fail(GitHubFault(status=422, body=fault.body, method="POST"))

    with pytest.raises(ServiceError) as raised:
        open_pull_request(client, PROPOSAL)

    assert (raised.value.reason, github.creates) == (reason, 1)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    "fault",
    [
        GitHubFault(method="GET"),
        GitHubFault(method="GET", status=502),
        GitHubFault(method="GET", status=429, headers={"Retry-After": "1"}),
        GitHubFault(method="GET", status=403, headers={"Retry-After": "1"}),
    ],
    ids=repr,
)
def test_a_look_is_repeated(github: GitHubServer, client: GitHubClient, fault: GitHubFault) -> None:
    github.fail(fault, fault, fault)

    assert open_pull_request(client, PROPOSAL).origin == "created"

    github.fail(fault, fault, fault, fault)
    with pytest.raises(ServiceError):
        open_pull_request(client, PROPOSAL)


def test_a_create_that_github_has_not_acted_on_is_sent_again(
    github: GitHubServer, client: GitHubClient, clock: Clock
) -> None:
    github.fail(GitHubFault(method="POST", status=429, headers={"Retry-After": "7"}))

    assert open_pull_request(client, PROPOSAL).origin == "created"
    assert (github.creates, clock.slept) == (2, [7.0])


def test_without_a_connection_nothing_was_created(github: GitHubServer, clock: Clock) -> None:
    client = GitHubClient("http://127.0.0.1:9", github.token, sleep=clock.sleep)

    with pytest.raises(ServiceError, match=r"can't be reached \(no connection\)"):
        open_pull_request(client, PROPOSAL)


def test_a_token_is_in_no_message_even_where_github_says_it(
    github: GitHubServer, client: GitHubClient
) -> None:
    github.fail(refusal(400, f"what is {github.token}?"))

    with pytest.raises(ServiceError) as raised:
        open_pull_request(client, PROPOSAL)

    assert github.token not in str(raised.value) + repr(client)


@pytest.mark.parametrize("token", ["two\nlines", "grün", "a\0b"])
def test_what_can_be_no_token_is_told(github: GitHubServer, token: str) -> None:
    client = GitHubClient(github.url, token)

    with pytest.raises(
        ServiceError, match=r"GITHUB_TOKEN (has characters that no token can have|is invalid)"
    ):
        open_pull_request(client, PROPOSAL)


def test_reviewers_are_users_and_teams(github: GitHubServer, client: GitHubClient) -> None:
    ask_reviewers(client, open_pull_request(client, PROPOSAL), ["ann", "acme/core"])

    assert github.reviewers == ["ann", "team:core"]


@pytest.mark.parametrize("status", [200, 403, 404, 502])
def test_json_that_is_nested_without_end_is_none(
    github: GitHubServer, client: GitHubClient, status: int
) -> None:
    github.fail(*[GitHubFault(status=status, body=b"[" * 200_000)] * 4)

    with pytest.raises(ServiceError):
        open_pull_request(client, PROPOSAL)
