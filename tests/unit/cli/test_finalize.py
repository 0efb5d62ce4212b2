"""Rules of --finalize-pr as it is called, with this machine as the VM and a GitHub of ours."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.services.beads import FakeBeads
from tests.services.gh import FakeGh, path_without_gh
from tests.services.github import GitHubFault, refusal
from tests.unit.cli.conftest import ISSUE
from tests.unit.cli.office import FIRST
from tests.unit.local_vm import LOCAL, write_inventory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.services import SlackServer
    from tests.unit.cli.office import Office
    from tests.unit.cli.test_command import Answer

    Call = Callable[..., Answer]

pytestmark = [
    pytest.mark.resident,
    pytest.mark.skipif(not shutil.which("git"), reason="no git"),
]


def test_slack_is_told_of_the_pull_request(office: Office, call: Call, slack: SlackServer) -> None:
    session = office.session()

    assert call("--finalize-pr", session, "--beads", "bd-123", "--no-slack").code == 0
    assert slack.messages == []
    assert call("--finalize-pr", session, "--beads", "bd-123").code == 0

    (message,) = slack.messages
    assert f" finalized {session}: SUCCESS" in message["text"]
    assert FIRST in json.dumps(message["blocks"])
    assert office.github.token not in json.dumps(slack.requests)


def test_a_session_has_one_pull_request_however_often_it_is_finalized(
    office: Office, call: Call
) -> None:
    FakeBeads.install(office.home / "bin", ISSUE)
    session = office.session()

    first = call("--finalize-pr", session, "--draft", "--reviewer", "@ann")
    more = call("--session", session, "echo three >file", "--wait")
    second = call("--finalize-pr", session, "--json")

    assert (first.code, first.out) == (0, f"{FIRST}\n".encode()), first.err
    assert "its pull request opened" in first.err
    assert more.code == 0, more.err
    assert second.code == 0, second.err
    (result,) = second.document["results"]
    assert second.document["outcome"] == "SUCCESS"
    assert (result["pull_request"], result["turn"]) == (FIRST, 4)
    assert result["push"]["pull_request_origin"] == result["push"]["came"] == "found"
    (pull,) = office.github.pulls
    assert (pull["title"], pull["draft"], pull["head"]["ref"]) == ("Mend it", True, "dx/bd-123")
    assert pull["body"] == (
        "## Checks\n\nNo check was asked for.\n\n## Issue\n\nbd-123: Mend it\n\n"
        f"Beads-Issue: bd-123\nDx-Session: {session}"
    )
    assert office.github.reviewers == ["ann"]
    assert office.pushed == ["Mend it", "Mend it", "first"]
    listed = call("--sessions", "here", "--json").document["sessions"]
    assert [(each["state"], each["agent"], each["turns"]) for each in listed] == [
        ("succeeded", "shell", 4)
    ]
    status = call("--status", session)
    assert "succeeded" in status.out.decode()
    assert office.github.authorizations == {f"Bearer {office.github.token}"}


def test_without_a_way_to_github_the_branch_is_pushed_and_it_says_what_to_do(
    office: Office, call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("GITHUB_TOKEN")
    monkeypatch.setenv("PATH", path_without_gh(tmp_path))
    session = office.session("echo two >file", beads=None)

    lacking = call("--finalize-pr", session)
    FakeGh.install(office.home / "bin")
    by_gh = call("--finalize-pr", session)

    assert (lacking.code, lacking.out) == (1, b"")
    assert "reason=github_auth" in lacking.err
    assert (
        f"dx/{session} was pushed, but no pull request was opened: gh is not installed on the VM, "
        "and "
        "GITHUB_TOKEN is not set here; set it, or run gh auth login on the VM, then finalize again"
    ) in lacking.err
    assert (by_gh.code, by_gh.out) == (0, f"{FIRST}\n".encode()), by_gh.err
    assert office.github.log == []
    assert office.project.pushed(f"dx/{session}") == ["echo two >file", "first"]


def test_a_refusal_of_github_is_told_with_what_is_done_already(office: Office, call: Call) -> None:
    session = office.session()
    office.github.fail(refusal(403, "Resource not accessible"))

    refused = call("--finalize-pr", session, "--json")

    (result,) = refused.document["results"]
    assert (refused.code, result["outcome"], result["reason"]) == (1, "FAILURE", "github_auth")
    assert (result["pull_request"], result["push"]["branch"]) == (None, "dx/bd-123")
    assert "dx/bd-123 was pushed, but no pull request was opened: GITHUB_TOKEN" in result["error"]


def test_reviewers_that_are_refused_are_a_failure_that_has_the_address(
    office: Office, call: Call
) -> None:
    session = office.session()
    pull = office.github.add("dx/bd-123")
    fault = refusal(422, "Reviews may only be requested from collaborators.")
    office.github.fail(GitHubFault(status=422, body=fault.body, method="POST"))

    answer = call("--finalize-pr", session, "--reviewer", "nobody")

    assert (answer.code, answer.out.decode()) == (1, f"{pull['html_url']}\n")
    assert "reason=reviewers_refused" in answer.err
    assert "Reviews may only be requested from collaborators." in answer.err


def test_what_fails_on_the_vm_is_told_and_github_is_not_asked(office: Office, call: Call) -> None:
    session = office.session("true")

    nothing = call("--finalize-pr", session, "--json")
    homeless = call("--finalize-pr", office.session("true", repo=None), "--json")
    unknown = call("--finalize-pr", f"ses_never-{session[-8:]}")

    reasons = [each.document["results"][0]["reason"] for each in (nothing, homeless)]
    assert (nothing.code, homeless.code, reasons) == (1, 1, ["no_changes", "repo_unusable"])
    assert (unknown.code, unknown.out) == (2, b"")
    assert "no session named ses_never" in unknown.err
    assert office.github.log == []


def test_work_that_the_pull_request_would_lack_is_named_and_nothing_is_pushed(
    office: Office, call: Call
) -> None:
    session = office.session("echo two >file; git init -q 'my lib'; touch 'my lib/work'")

    shown = call("--finalize-pr", session)
    document = call("--finalize-pr", session, "--json").document

    assert (shown.code, shown.out) == (1, b"")
    assert "would not have all of the work: my lib (a nested repository); remove" in shown.err
    (result,) = document["results"]
    assert (document["outcome"], result["reason"]) == ("FAILURE", "work_left_out")
    assert result["left_out"] == [{"path": "my lib", "why": "nested_repository"}]
    assert (office.pushed, office.github.log) == ([], [])


def test_while_a_turn_runs_it_is_refused_or_waits(office: Office, call: Call, home: Path) -> None:
    session = office.session("until [ -e ~/go ]; do sleep 0.05; done; echo two >file", wait=False)

    busy = call("--finalize-pr", session, "--json")
    (home / "go").touch()
    queued = call("--finalize-pr", session, "--queue")

    (result,) = busy.document["results"]
    assert (busy.code, result["reason"]) == (1, "session_busy")
    assert (queued.code, queued.out) == (0, f"{FIRST}\n".encode()), queued.err
    assert office.pushed[1:] == ["first"]


def test_the_title_is_the_issue_s_or_else_the_task_s(office: Office, call: Call) -> None:
    session = office.session("echo two >file")

    call("--finalize-pr", session)
    FakeBeads.install(office.home / "bin", ISSUE)
    unknown = call("--finalize-pr", session, "--beads", "bd-124")

    again = call("--finalize-pr", office.session("echo three >file"), "--beads", "12")

    assert again.code == 0, again.err
    assert "issue_resolved asked=12 issue=bd-123" in again.err
    assert [each["title"] for each in office.github.pulls] == ["echo two >file", "Mend it"]
    assert "\n\nBeads-Issue: bd-123\n" in office.github.pulls[1]["body"]
    assert (unknown.code, unknown.out) == (2, b"")
    assert "Beads has no issue bd-124; did you mean bd-123?" in unknown.err


def test_the_body_has_the_summary_the_check_and_the_issue(office: Office, call: Call) -> None:
    FakeBeads.install(office.home / "bin", ISSUE)
    session = office.session(
        "echo two >file; echo 'I mended it.'; printf '\\033[2J'", verify="exit 0"
    )

    call("--finalize-pr", session)

    (pull,) = office.github.pulls
    assert pull["body"] == (
        "## Summary\n\nI mended it.\n<U+001B>[2J\n\n## Checks\n\nThe check (`--verify`) passed.\n\n"
        f"## Issue\n\nbd-123: Mend it\n\nBeads-Issue: bd-123\nDx-Session: {session}"
    )
    message = office.project.git(office.project.remote, "log", "-1", "--format=%B", "dx/bd-123")
    assert message == f"Mend it\n\nBeads-Issue: bd-123\nDx-Session: {session}"


def test_the_issue_is_closed_with_the_address_and_labels_are_added(
    office: Office, call: Call
) -> None:
    beads = FakeBeads.install(office.home / "bin", ISSUE)
    session = office.session()

    done = call("--finalize-pr", session, "--close", "--label", "agent", "--label", "good first")

    assert done.code == 0, done.err
    closed = beads.issue("bd-123")
    assert (closed["status"], closed["close_reason"]) == ("closed", f"Pull request: {FIRST}")
    assert office.github.labels == ["agent", "good first"]


def test_an_issue_that_can_t_be_closed_is_a_failure_that_has_the_address(
    office: Office, call: Call
) -> None:
    session = office.session()
    unread = call("--finalize-pr", session, "--close")
    FakeBeads.install(office.home / "bin", ISSUE, unclosable=True)

    answer = call("--finalize-pr", session, "--close", "--json")
    none = call("--finalize-pr", office.session(beads=None), "--close")

    assert (unread.code, "bd" in unread.err) == (2, True)
    (result,) = answer.document["results"]
    assert (answer.code, result["reason"]) == (1, "issue_not_closed")
    assert result["pull_request"] == FIRST
    assert "the pull request is open, but bd-123 could not be closed: can" in result["error"]
    assert (none.code, "the session has no issue to close" in none.err) == (2, True)


def test_labels_that_are_refused_are_a_failure_that_has_the_address(
    office: Office, call: Call
) -> None:
    session = office.session()
    office.github.add("dx/bd-123")
    fault = refusal(403, "Resource not accessible by personal access token")
    office.github.fail(GitHubFault(status=403, body=fault.body, method="POST"))

    answer = call("--finalize-pr", session, "--label", "agent", "--json")

    (result,) = answer.document["results"]
    assert (answer.code, result["reason"], result["pull_request"]) == (1, "labels_refused", FIRST)
    assert "its labels could not be added" in result["error"]


def test_a_fork_is_pushed_to_and_the_pull_request_comes_from_there(
    office: Office, call: Call
) -> None:
    project = office.project
    fork = project.home / "remotes" / "ann" / "api.git"
    fork.parent.mkdir()
    project.git(project.home, "clone", "-q", "--bare", str(project.remote), str(fork))
    project.git(project.repo, "remote", "add", "mine", "git@github.com:ann/api.git")
    session = office.session()

    first = call("--finalize-pr", session, "--fork", "mine", "--json")
    second = call("--finalize-pr", session, "--fork", "mine", "--json")
    missing = call("--finalize-pr", session, "--fork", "yours", "--json")

    for answer, origin in ((first, "created"), (second, "found")):
        assert answer.code == 0, answer.err
        push = answer.document["results"][0]["push"]
        assert (push["repository"], push["fork"]) == ("acme/api", "ann")
        assert push["pull_request_origin"] == origin
    (pull,) = office.github.pulls
    assert pull["head"]["label"] == "ann:dx/bd-123"
    assert office.pushed == []
    assert project.git(fork, "log", "-1", "--format=%s", "dx/bd-123") == "echo two >file"
    (result,) = missing.document["results"]
    assert (missing.code, result["reason"]) == (1, "repo_unusable")
    assert "has no remote called yours; add your fork" in result["error"]


def test_an_agent_with_a_conversation_goes_on_with_it_after_a_finalize(
    office: Office, call: Call, inventory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And its events, which a finalize has none of, are not missed in the list."""
    begin = """echo '{"type":"begin","id":"talk-7"}'; echo two >file; echo '{"type":"end"}'"""
    go_on = """echo "{\\"type\\":\\"text\\",\\"text\\":\\"$1\\"}"; echo '{"type":"end"}'"""
    teller = {
        "start": ["sh", "-c", begin],
        "resume": ["sh", "-c", go_on, "sh", "{native_id}"],
        "events": "json",
        "native_id": "id",
        "text": [{"when": {"type": "text"}, "show": "text", "message": True}],
        "finished": [{"type": "end"}],
    }
    tellers = inventory.with_name("tellers.yml")
    write_inventory(tellers, here=LOCAL | {"dx_agents": {"teller": teller}})
    monkeypatch.setenv("DX_INVENTORY", str(tellers))
    session = office.session("begin", agent="teller")

    finalized = call("--finalize-pr", session)
    listed = call("--sessions", "--json").document["sessions"]
    more = call("--session", session, "go on", "--wait")

    assert (finalized.code, finalized.out) == (0, f"{FIRST}\n".encode()), finalized.err
    assert [(each["agent"], each["state"]) for each in listed] == [("teller", "succeeded")]
    assert (more.code, more.out) == (0, b"talk-7\n"), more.err


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--finalize-pr", "ses_1", "do it"], "--finalize-pr takes no further argument (do it)"),
        (["--finalize-pr", "ses_1", "--wait"], "--wait is of no use with --finalize-pr"),
        (["--finalize-pr", "ses_1", "--repo", "x"], "--repo is of no use with --finalize-pr"),
        (["--finalize-pr", "ses_1", "--session", "ses_2"], "--session is of no use with --final"),
        (["--finalize-pr", "ses_1", "--abort", "ses_1"], "--abort and --finalize-pr can't be"),
        (["--finalize-pr", "ses_1", "--issue", "bd-1"], "--issue is of no use with --finalize-pr"),
        (["--finalize-pr", "cmd_1-0123abcd"], "is not the id of an agent's session"),
        (["--finalize-pr", "12345678901234567890"], "--finalize-pr is of no use with Jules"),
        (["--finalize-pr", "ses_1", "--base", "-x"], "'-x' can't be the name of a branch"),
        (["--finalize-pr", "ses_1", "--base", "a..b"], "'a..b' can't be the name of a branch"),
        (["--finalize-pr", "ses_1", "--reviewer", "a b"], "'a b' can't be a reviewer"),
        (["here", "do it", "--draft"], "--draft is of no use with a task for an agent"),
        (["here", "do it", "--reviewer", "ann"], "--reviewer is of no use with a task for an"),
        (["here", "--exec", "ls", "--base", "main"], "--base is of no use with --exec"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(call: Call, words: list[str], text: str) -> None:
    answer = call(*words)

    assert (answer.code, answer.out) == (2, b"")
    assert text in answer.err


def test_a_token_in_the_clear_is_refused_before_anything_is_done(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_API_URL", "http://ghe.example.org/api/v3")

    answer = call("--finalize-pr", "ses_1")

    assert (answer.code, answer.out) == (2, b"")
    assert "GITHUB_API_URL is not an https address" in answer.err
