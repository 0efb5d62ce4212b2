"""Rules of dx-dispatch --jules, as a user sees them."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

import pytest

from tests.services.jules import Fault, status_body

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.services import JulesServer
    from tests.unit.cli.conftest import Person
    from tests.unit.cli.test_command import Answer

    Call = Callable[..., Answer]

PULL = "https://github.com/acme/widget/pull/7"
pytestmark = pytest.mark.usefixtures("person", "no_pauses")


def only_id(jules: JulesServer) -> str:
    (found,) = jules.sessions
    return found


def test_an_issue_is_handed_over_and_the_session_printed(
    call: Call, person: Person, jules: JulesServer
) -> None:
    answer = call("--jules", "--issue", "bd-123")

    session = only_id(jules)
    assert answer.code == 0
    assert answer.out.decode() == f"{session}  https://jules.google.com/session/{session}\n"
    assert "session_started host=jules session=" in answer.err
    body = jules.requests[-1][2]
    assert body["title"].startswith("bd-123: Mend it [dx-")
    assert "Work on issue bd-123 in acme/widget." in body["prompt"]
    assert "It is broken." in body["prompt"]
    assert person.beads.issue("bd-123")["status"] == "open"
    assert person.beads.comments == []


def test_waiting_shows_what_happens_and_the_pull_request(call: Call, jules: JulesServer) -> None:
    answer = call("--jules", "--issue", "bd-123", "--wait")

    lines = answer.out.decode().splitlines()
    assert answer.code == 0
    assert lines[0].startswith(only_id(jules))
    assert lines[1:4] == ["plan:", "  1. Look around", "  2. Mend"]
    assert lines[-1] == PULL
    assert "jules  SUCCESS" in answer.err


@pytest.mark.parametrize("allowed", [True, False])
def test_no_pull_request_is_its_own_end(call: Call, jules: JulesServer, *, allowed: bool) -> None:
    jules.pull_request = False
    more = ["--allow-no-pr"] if allowed else []

    answer = call("--jules", "Mend it", "--wait", "--json", *more)

    (result,) = answer.document["results"]
    assert answer.code == answer.document["exit_code"] == (0 if allowed else 1)
    assert result["reason"] == ("ok" if allowed else "no_pull_request")
    assert result["pull_request"] is None


def test_a_dry_run_shows_all_and_needs_nothing(
    call: Call, jules: JulesServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JULES_API_KEY")

    answer = call("--jules", "--issue", "bd-123", "--dry-run", "--branch", "dev")

    text = answer.out.decode()
    assert answer.code == 0
    assert "Work on issue bd-123 in acme/widget, branch dev." in text
    assert f"POST {jules.url}/v1alpha/sessions" in text
    assert '"startingBranch": "dev"' in text
    assert text.endswith("Dry run: nothing was sent.\n")
    document = call("--jules", "--issue", "bd-123", "--dry-run", "--json").document
    assert document["request"]["body"]["automationMode"] == "AUTO_CREATE_PR"
    assert document["prompt"] == document["request"]["body"]["prompt"]
    assert jules.requests == []


def test_what_a_dry_run_shows_is_what_is_sent(call: Call, jules: JulesServer) -> None:
    shown = call("--jules", "--issue", "bd-123", "--dry-run", "--json").document["request"]["body"]
    call("--jules", "--issue", "bd-123")

    sent = jules.requests[-1][2]
    assert sent["sourceContext"].pop("githubRepoContext") == {"startingBranch": "main"}
    shown["sourceContext"].pop("githubRepoContext")
    assert sent == shown


def test_the_same_words_again_lead_to_the_same_session(call: Call, jules: JulesServer) -> None:
    first = call("--jules", "Mend it", "--repo", "acme/widget")
    again = call("--jules", "Mend it", "--repo", "ACME/widget", "--json")

    assert again.document["results"][0]["attached"]
    assert again.document["results"][0]["session_id"] == first.out.decode().split()[0]
    assert len(jules.sessions) == 1

    text = call("--jules", "Mend it")
    assert "already has a session for this task; nothing was created" in text.err
    call("--jules", "Mend it", "--run-id", "second")
    call("--jules", "Mend it", "--run-id", "second")
    call("--jules", "Mend it", "--branch", "dev")
    assert len(jules.sessions) == 3


def test_an_ended_session_is_attached_to_for_a_day_and_said_even_when_quiet(
    call: Call, jules: JulesServer
) -> None:
    first = call("--jules", "Mend it", "--wait").out.decode().split()[0]
    text = f"attached to session {first}, ended 3h 0m ago"
    moment = time.gmtime(time.time() - 3 * 3600 - 1)
    jules.sessions[first]["updateTime"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", moment)

    quiet = call("--jules", "Mend it", "-q")
    waited = call("--jules", "Mend it", "--wait")
    result = call("--jules", "Mend it", "--wait", "--json").document["results"][0]
    assert text in quiet.err
    assert f" s  {text}" in waited.err
    assert "success host=jules" in waited.err
    assert "attached=true" in waited.err
    assert (result["attached"], result["attached_age_sec"] // 10) == (True, 1080)
    assert (
        call("--jules", "Mend it", "--attach-age", "2h", "--json").document["results"][0][
            "attached_age_sec"
        ]
        is None
    )
    assert len(jules.sessions) == 2


def test_the_words_of_yesterday_are_another_task_and_an_id_of_one_s_own_is_not(
    call: Call, jules: JulesServer
) -> None:
    first = call("--jules", "Mend it", "--wait").out.decode().split()[0]
    named = call("--jules", "Mend it", "--run-id", "mine", "--wait").out.decode().split()[0]
    for session in jules.sessions.values():
        session["updateTime"] = "2025-01-01T00:00:00.123456789Z"

    again = call("--jules", "Mend it", "--wait")
    mine = call("--jules", "Mend it", "--run-id", "mine", "--wait")

    assert again.out.decode().split()[0] not in {first, named}
    assert "attached" not in again.err
    assert mine.out.decode().split()[0] == named
    assert "attached to session" in mine.err
    limited = call("--jules", "Mend it", "--run-id", "mine", "--attach-age", "1d", "--json")
    assert limited.document["results"][0]["attached"] is False


@pytest.mark.parametrize(("age", "attached"), [("1d", True), ("61m", True), ("3540", False),
                                               ("0", False), ("59.5m", False)])  # fmt: skip
def test_an_age_is_a_number_with_a_unit_or_of_seconds(
    call: Call, jules: JulesServer, age: str, *, attached: bool
) -> None:
    call("--jules", "Mend it", "--wait")
    moment = time.gmtime(time.time() - 3600)
    jules.sessions[only_id(jules)]["updateTime"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", moment)

    answer = call("--jules", "Mend it", "--attach-age", age, "--json")

    assert answer.document["results"][0]["attached"] is attached


def test_the_task_is_sent_as_it_is(call: Call, jules: JulesServer) -> None:
    text = "Mend {{ it }} `now` — \x1b[0m\n"

    call("--jules", "--file", "-", stdin=text.encode())

    assert jules.requests[-1][2]["prompt"] == text
    assert "\x1b" not in jules.requests[-1][2]["title"]
    call("--jules", "Mend it", "--notify-channel", "C09MQGMFKDE")
    assert jules.requests[-1][2]["prompt"] == (
        "Mend it\n\nAfter completing, use slack_conversations_add_message\n"
        "to post summary to channel C09MQGMFKDE.\n"
    )


def test_a_message_reaches_its_session(call: Call, jules: JulesServer) -> None:
    session = call("--jules", "Mend it").out.decode().split()[0]

    answer = call("--session", session, "Also the docs")

    assert (answer.code, answer.out) == (0, b"")
    assert jules.messages == [(session, "Also the docs")]
    assert f"sent to Jules session {session}" in answer.err
    waited = call("--session", session, "And more", "--wait")
    assert (waited.code, waited.out.decode().splitlines()[-1]) == (0, PULL)


@pytest.mark.parametrize("state", ["COMPLETED", "FAILED", "PAUSED", "AWAITING_USER_FEEDBACK"])
def test_the_state_of_before_a_message_is_not_what_came_of_it(
    call: Call, jules: JulesServer, state: str
) -> None:
    jules.states = [state]
    session = call("--jules", "Mend it").out.decode().split()[0]
    call("--status", session)

    answer = call("--session", session, "Once more", "--wait")

    assert answer.code == 0
    assert answer.out.decode().splitlines()[:2] == ["user: Once more", "Mending"]
    assert answer.out.decode().splitlines()[-1] == PULL


def test_a_plan_is_approved_only_where_one_waits(call: Call, jules: JulesServer) -> None:
    jules.states = ["PLANNING", "AWAITING_PLAN_APPROVAL"]
    waiting = call("--jules", "Mend it", "--wait")
    session = only_id(jules)
    assert waiting.code == 1
    assert f"needs input: its plan waits for approval: dx-dispatch --approve {session}" in (
        waiting.err
    )

    approved = call("--approve", session)
    assert (approved.code, jules.sessions[session]["state"]) == (0, "IN_PROGRESS")

    again = call("--approve", session, "--json")
    assert again.code == 1
    assert "has no plan that waits for approval" in again.document["results"][0]["error"]
    assert jules.count("POST", ":approvePlan") == 1


def test_status_and_logs(call: Call, jules: JulesServer) -> None:
    jules.states = ["PLANNING", "IN_PROGRESS", "AWAITING_USER_FEEDBACK"]
    session = call("--jules", "Mend it").out.decode().split()[0]

    status = call("--status", session)
    assert status.code == 0
    assert "state      PLANNING\n" in status.out.decode()
    logs = call("--logs", session)
    assert (logs.code, logs.out.decode().splitlines()[0]) == (0, "plan:")
    followed = call("--logs", session, "--follow")
    assert followed.code == 1
    assert "jules: Which one?\n" in followed.out.decode()
    document = call("--status", session, "--json").document
    assert document["results"][0]["jules_state"] == "AWAITING_USER_FEEDBACK"
    assert document["outcome"] is None


def test_an_abort_archives_and_says_that_it_is_no_cancel(call: Call, jules: JulesServer) -> None:
    session = call("--jules", "Mend it").out.decode().split()[0]

    answer = call("--abort", session, "--json")

    (result,) = answer.document["results"]
    assert (answer.code, result["outcome"], result["stop_verified"]) == (0, "ABORTED", True)
    assert "Jules has no cancel, and the session is PAUSED" in result["error"]
    assert jules.sessions[session]["archived"]


def test_an_abort_that_stops_nothing_says_so(call: Call, jules: JulesServer) -> None:
    session = call("--jules", "Mend it").out.decode().split()[0]
    jules.fail("POST", ":archive", Fault(status=200, body=b"{}"))

    answer = call("--abort", session)

    assert answer.code == 1
    assert "it may continue: see https://jules.google.com/session/" in answer.err


@pytest.mark.parametrize(
    ("verb", "arguments", "text"),
    [
        (
            "sendMessage",
            ("--session", "{}", "x"),
            "the message may have been sent; check whether it",
        ),
        ("approvePlan", ("--approve", "{}"), "has a server error (HTTP 502: a web page)"),
        ("archive", ("--abort", "{}"), "has a server error (HTTP 502: a web page)"),
    ],
)
def test_a_failure_of_a_call_about_a_session_is_a_failure(
    call: Call, jules: JulesServer, verb: str, arguments: tuple[str, ...], text: str
) -> None:
    jules.states = ["AWAITING_PLAN_APPROVAL"]
    session = call("--jules", "Mend it").out.decode().split()[0]
    jules.fail("POST", f":{verb}", Fault.page(502), times=9)

    answer = call(*(each.format(session) for each in arguments), "--json")

    (result,) = answer.document["results"]
    assert (answer.code, result["outcome"]) == (1, "FAILURE")
    assert result["reason"] == "jules_error"
    assert text in result["error"]


def test_a_task_has_to_be_text(call: Call, jules: JulesServer) -> None:
    answer = call("--jules", "--file", "-", stdin=b"\xff")

    assert answer.code == 2
    assert "the task is not UTF-8; Jules takes text only" in answer.err
    assert not jules.requests


def test_the_sessions_are_listed(call: Call, jules: JulesServer) -> None:
    empty = call("--sessions", "--jules", "--json")
    assert empty.document == {"schema": 1, "exit_code": 0, "sessions": []}
    session = call("--jules", "Mend it").out.decode().split()[0]

    lines = call("--sessions", "--jules").out.decode().splitlines()
    assert lines[0].split() == ["SESSION", "STATE", "CREATED", "SOURCE", "PULL", "REQUEST", "TITLE"]
    to_the_second = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    assert re.match(rf"{session}  QUEUED  +{to_the_second}  ", lines[1])
    assert re.search(rf"created +{to_the_second}\n", call("--status", session).out.decode())
    jules.fail("GET", "sessions", Fault(status=403))
    assert call("--sessions", "--jules", "--json").document["error"]["type"] == "ServiceError"


FAILURES: list[tuple[str, str, Fault, int, str, str]] = [
    ("GET", "widget", Fault(status=401), 3, "jules_auth", "JULES_API_KEY is not a Jules API key"),
    ("GET", "widget", Fault(status=403), 3, "jules_auth", "Jules refused JULES_API_KEY"),
    ("GET", "sessions", Fault.page(502), 3, "jules_error", "HTTP 502: a web page"),
    ("POST", "sessions", Fault.quota(), 3, "jules_quota", "the Jules quota is used up"),
    ("POST", "sessions", Fault(), 1, "create_unclear", "it is unknown whether the session was"),
    ("POST", "sessions", Fault(status=400, body=status_body(400, "INVALID_ARGUMENT", "Could not")),
     3, "jules_error", "Jules refused the request (HTTP 400: INVALID_ARGUMENT Could not)"),
]  # fmt: skip


@pytest.mark.parametrize("case", FAILURES, ids=lambda case: f"{case[1]}-{case[4]}")
def test_a_failure_of_a_dispatch_is_a_result(
    call: Call, person: Person, case: tuple[str, str, Fault, int, str, str]
) -> None:
    method, path, fault, code, reason, text = case
    person.jules.fail(method, path, fault, times=50)

    answer = call("--jules", "--issue", "bd-123", "--claim", "--json")

    (result,) = answer.document["results"]
    assert answer.code == answer.document["exit_code"] == code
    assert (result["reason"], result["session_id"]) == (reason, None)
    assert text in result["error"]
    claimed = reason == "create_unclear"
    assert (person.beads.issue("bd-123")["status"] == "in_progress") is claimed


def test_a_repository_without_the_app(call: Call) -> None:
    answer = call("--jules", "Mend it", "--repo", "acme/other")

    assert answer.code == 3
    assert "Jules has no access to acme/other; install the Jules GitHub App on the" in answer.err


def test_a_claim_marks_the_issue_and_tells_it_the_end(call: Call, person: Person) -> None:
    call("--jules", "--issue", "bd-123", "--claim", "--wait")

    session = only_id(person.jules)
    assert person.beads.issue("bd-123")["status"] == "in_progress"
    started, ended = person.beads.comments
    assert started.startswith(f"dx-dispatch started Jules session {session}: https://jules.")
    assert ended.startswith(f"dx-dispatch: Jules session {session} ended: SUCCESS\nreason: ok\n")
    assert PULL in ended


def test_an_issue_of_somebody_else_is_not_handed_over(call: Call, person: Person) -> None:
    state = person.beads.state
    state["issues"][0]["assignee"] = "ann"
    person.beads.state = state

    answer = call("--jules", "--issue", "bd-123", "--claim")

    assert answer.code == 2
    assert "bd-123 is already claimed by ann" in answer.err
    assert not person.jules.sessions


def test_a_comment_that_fails_changes_nothing(call: Call, person: Person) -> None:
    person.beads.state = person.beads.state | {"no_comments": True}

    answer = call("--jules", "--issue", "bd-123", "--claim", "--wait")

    assert answer.code == 0
    assert answer.err.count("comment_failed ") == 2


def test_an_issue_from_the_exported_file_is_said_to_be_that(call: Call, person: Person) -> None:
    person.beads.state = person.beads.state | {"shape": "no database"}
    place = person.home / "widget" / ".beads"
    place.mkdir()
    (place / "issues.jsonl").write_text(json.dumps({"id": "bd-9", "title": "Old"}))

    answer = call("--jules", "--issue", "bd-9", "--dry-run")

    assert answer.code == 0
    assert "read from issues.jsonl, which may be stale" in answer.err
