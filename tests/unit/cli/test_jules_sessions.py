"""Rules of sessions of Jules that wait for approval, have a patch, or leave the list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.services.jules import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.cli.conftest import Person
    from tests.unit.cli.test_command import Answer

    Call = Callable[..., Answer]

pytestmark = [pytest.mark.resident, pytest.mark.usefixtures("no_pauses")]
PATCH = "diff --git a/file b/file\n--- a/file\n+++ b/file\n@@ -1 +1 @@\n-one\n+two\r \x1b[2J\n"
REPO = ("--repo", "acme/widget")


def bodies(person: Person) -> list[dict[str, Any]]:
    """Of the requests that created sessions."""
    return [body for *what, body in person.jules.requests if what == ["POST", "sessions"]]


def begun(call: Call, *words: str) -> str:
    answer = call("--jules", "Mend it", *REPO, "--json", *words)
    return str(answer.document["results"][0]["session_id"])


def test_a_plan_waits_for_its_approval_where_that_is_asked_for(call: Call, person: Person) -> None:
    session = begun(call, "--plan-approval", "--wait")

    waiting = call("--status", session, "--json").document["results"][0]
    approved = call("--approve", session, "--wait", "--json")

    assert [each["requirePlanApproval"] for each in bodies(person)] == [True]
    assert waiting["jules_state"] == "AWAITING_PLAN_APPROVAL"
    assert approved.document["outcome"] == "SUCCESS", approved.err


def test_without_an_automatic_pull_request_the_patch_is_the_result(
    call: Call, person: Person
) -> None:
    person.jules.patch = PATCH
    answer = call("--jules", "Mend it", *REPO, "--no-auto-pr", "--wait", "--json")
    session = str(answer.document["results"][0]["session_id"])

    plain, document = call("--diff", session), call("--diff", session, "--json").document

    assert ["automationMode" in each for each in bodies(person)] == [False]
    assert (answer.code, answer.document["results"][0]["pull_request"]) == (0, None)
    assert (plain.code, plain.out.decode()) == (0, PATCH)
    assert document["results"][0]["patch"] == PATCH


def test_the_patch_is_the_last_of_the_outputs_or_else_of_the_activities(
    call: Call, person: Person
) -> None:
    person.jules.patch, person.jules.pull_request = PATCH, False
    session = begun(call, "--wait")

    assert "outputs" not in person.jules.sessions[session]
    assert call("--diff", session).out.decode() == PATCH


def test_a_session_without_changes_has_no_patch(call: Call, person: Person) -> None:
    session = begun(call, "--wait")
    answer = call("--diff", session)

    assert (answer.code, answer.out) == (0, b"")
    assert "it has changed nothing" in answer.err
    assert call("--diff", "99999999999999999999").code == 2
    assert person.jules.count("POST", "sessions") == 1


def test_a_session_is_unarchived(call: Call, person: Person) -> None:
    session = begun(call)
    call("--abort", session)
    assert person.jules.sessions[session]["archived"]

    answer = call("--unarchive", session)

    assert (answer.code, f"unarchived Jules session {session}" in answer.err) == (0, True)
    assert "archived" not in person.jules.sessions[session]


def test_a_session_is_deleted_by_its_name_alone(call: Call, person: Person) -> None:
    session = begun(call)
    person.jules.fail("DELETE", session, Fault(status=503, after=True))

    answer = call("--delete", session)
    again = call("--delete", session)
    wrong = call("--delete", "ses_1")

    assert (answer.code, f"deleted Jules session {session}" in answer.err) == (0, True)
    assert person.jules.sessions == {}
    assert (again.code, f"Jules has no session {session}" in again.err) == (2, True)
    assert (wrong.code, "is not the id of a session of Jules" in wrong.err) == (2, True)
