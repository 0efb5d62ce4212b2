"""Rules of what people and programs read of sessions."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from dxansible.errors import NoFreeHost
from dxansible.record import Changes, FanoutOutcome, PreflightStatus, Reason, Truncation
from dxansible.render import sessions as render
from dxansible.results import CleanResult, SessionInfo, TurnResult, exit_code
from dxansible.sessions import SessionList
from tests.schemas import check_document
from tests.unit.render.plain import plain
from tests.unit.test_turn_results import CHANGES, RECORD, RESULT, RUNNING

INFO = SessionInfo.of("epyc6", RECORD)
FAILED = replace(
    RESULT,
    outcome=FanoutOutcome.FAILURE,
    reason=Reason.VERIFY_FAILED,
    error="epyc6: the check of --verify failed",
)
TIMEOUT = replace(RESULT, outcome=FanoutOutcome.TIMEOUT, reason=Reason.IDLE, error="epyc6: idle")
NOTHING = Changes(commits=0, files=0, dirty=False, head="abc")


@pytest.mark.parametrize(
    ("results", "detached", "code"),
    [
        ([RESULT], False, 0),
        ([RUNNING], False, 0),
        ([RUNNING], True, 130),
        ([RESULT], True, 0),
        ([FAILED], True, 1),
        ([RESULT, FAILED, TIMEOUT], False, 124),
        ([RUNNING, FAILED], False, 1),
        ([RUNNING, FAILED], True, 130),
    ],
)
def test_the_exit_code_is_the_worst_unless_we_stopped_looking(
    results: list[TurnResult], code: int, *, detached: bool
) -> None:
    assert exit_code(results, detached=detached, may_be_cut=True) == code


def test_a_success_whose_output_a_full_disk_has_lost_is_told() -> None:
    lost = replace(RESULT, truncation=Truncation(stdout_bytes=3, disk_full=True))

    assert exit_code([RESULT, lost], may_be_cut=True) == 4
    assert exit_code([FAILED, lost], may_be_cut=True) == 1
    cut = replace(RESULT, truncation=Truncation(stdout_bytes=3))
    assert exit_code([cut], may_be_cut=True) == 0
    assert "3 bytes of output are missing  the VM's disk was full" in render.turn_line(lost)


@pytest.mark.parametrize(
    ("results", "outcome"),
    [
        ([RESULT, FAILED], "FAILURE"),
        ([RUNNING], None),
        ([RUNNING, FAILED], None),
    ],
)
def test_the_document_of_turns_has_an_outcome_once_all_have_ended(
    results: list[TurnResult], outcome: str | None
) -> None:
    text = render.turns_document(results, 7)

    assert text.endswith("}\n")
    assert check_document(text) == {
        "schema": 1,
        "outcome": outcome,
        "exit_code": 7,
        "results": [json.loads(json.dumps(each.to_dict())) for each in results],
    }


def test_the_document_of_no_choice_has_the_form_of_a_result_and_of_an_error() -> None:
    document = check_document(render.no_choice_document(NoFreeHost("gpu", "epyc6 is busy")))

    error = document.pop("error")
    assert document == {
        "schema": 1, "outcome": "PREFLIGHT_FAILED", "exit_code": 3, "results": [],
    }  # fmt: skip
    assert error == {
        "type": "NoFreeHost", "message": "no host of gpu is free: epyc6 is busy",
        "remedy": "wait, or name a host",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("result", "line"),
    [
        (
            RESULT,
            (
                "epyc6   SUCCESS           ses_1-0a1b2c3d  turn 1  2.3 s  2 commit(s), 5 file(s) "
                "changed on dx/bd-1"
            ),
        ),
        (
            FAILED,
            (
                "epyc6   FAILURE           ses_1-0a1b2c3d  turn 1  2.3 s  2 commit(s), 5 file(s) "
                "changed on dx/bd-1  the check of --verify failed"
            ),
        ),
        (
            RUNNING,
            "epyc6   running  goes on; come back with: dx-dispatch --logs ses_1-0a1b2c3d --follow",
        ),
        (
            replace(RESULT, changes=None, asks=True),
            (
                "epyc6   SUCCESS           ses_1-0a1b2c3d  turn 1  2.3 s  "
                "ends with a question; answer with --session"
            ),
        ),
        (
            replace(RESULT, changes=None, message=""),
            "epyc6   SUCCESS           ses_1-0a1b2c3d  turn 1  2.3 s  its last message is empty",
        ),
        (
            replace(RESULT, changes=NOTHING, left_running=2),
            (
                "epyc6   SUCCESS           ses_1-0a1b2c3d  turn 1  2.3 s  no changes  "
                "left 2 process(es) running"
            ),
        ),
        (
            replace(RESULT, changes=replace(CHANGES, dirty=True), branch=None),
            (
                "epyc6   SUCCESS           ses_1-0a1b2c3d  turn 1  2.3 s  2 commit(s), 5 file(s) "
                "changed, not all committed"
            ),
        ),
        (
            TurnResult(
                host="epyc6", session_id="", user=None, outcome=FanoutOutcome.PREFLIGHT_FAILED,
                reason=PreflightStatus.USER_MAPPING_MISSING, error="epyc6: no such host",
            ),
            "epyc6   PREFLIGHT_FAILED  -  no such host",
        ),
    ],
)  # fmt: skip
def test_a_turn_is_one_line_with_what_to_do(result: TurnResult, line: str) -> None:
    assert plain(render.turn_line(result, 6)) == line


@pytest.mark.parametrize("outcome", list(FanoutOutcome))
def test_every_outcome_has_a_line(outcome: FanoutOutcome) -> None:
    line = render.turn_line(replace(RESULT, outcome=outcome))

    assert outcome in line
    assert line != plain(line)


DURATIONS = [
    (None, "-"), (0, "0s"), (59, "59s"), (60, "1m"), (3599, "59m"), (3600, "1h 0m"),
    (11_100, "3h 5m"), (86_399, "23h 59m"), (86_400, "1d"), (800_000, "9d"),
]  # fmt: skip


@pytest.mark.parametrize(("seconds", "text"), DURATIONS)
def test_a_duration_is_in_the_units_that_matter(seconds: int | None, text: str) -> None:
    table = render.sessions_table(SessionList(sessions=[replace(INFO, age_s=seconds, idle_s=1)]))

    assert f"  {text} " in plain(table).splitlines()[1]


def test_the_table_has_every_session() -> None:
    bare = replace(
        INFO, session_id="s2", state="of a later version", agent=None, beads=None, task=None,
        age_s=None, idle_s=None,
    )  # fmt: skip
    found = SessionList(sessions=[INFO, bare, replace(INFO, task="x" * 100)])

    head, first, second, third = plain(render.sessions_table(found)).splitlines()

    assert head.split() == ["SESSION", "VM", "AGENT", "STATE", "AGE", "IDLE", "BEADS", "TASK"]
    assert first.split() == [
        "ses_1-0a1b2c3d", "epyc6", "shell", "succeeded", "1h", "0m", "1m", "bd-1", "Fix", "it",
    ]  # fmt: skip
    assert second.split() == [
        *("s2", "epyc6", "-", "of", "a", "later", "version"),
        *("-", "-", "-", "-"),
    ]
    assert third.split()[-1] == "x" * 100


@pytest.mark.parametrize(
    "state", ["running", "succeeded", "failed", "lost", "needs_input", "timeout", "aborted"]
)
def test_a_state_is_seen_at_a_glance(state: str) -> None:
    (_, row) = render.sessions_table(
        SessionList(sessions=[replace(INFO, state=state)])
    ).splitlines()

    assert row != plain(row)


def test_a_fleet_without_sessions_says_so() -> None:
    assert render.sessions_table(SessionList()) == "no sessions\n"
    silent = SessionList(errors={"wsl": "wsl: is it on?"})
    assert render.sessions_table(silent) == ""
    silent.answered.add("epyc6")
    assert render.sessions_table(silent) == "no sessions on the 1 VM(s) that answered\n"


def test_the_document_of_sessions_has_those_that_did_not_answer() -> None:
    found = SessionList(sessions=[INFO], errors={"wsl": "wsl: is it on?"})

    assert check_document(render.sessions_document(found, 3)) == {
        "schema": 1,
        "exit_code": 3,
        "sessions": [json.loads(json.dumps(INFO.to_dict()))],
        "errors": {"wsl": "wsl: is it on?"},
    }


def test_the_status_of_a_session_has_a_line_for_each_thing_that_is_known() -> None:
    result = replace(
        FAILED, native_id="n1", directory="/w", message="All done.", error="epyc6: it failed"
    )

    assert plain(render.status_text(INFO, result)).splitlines() == [
        "session    ses_1-0a1b2c3d",
        "vm         epyc6",
        "state      succeeded",
        "reason     verify_failed",
        "error      epyc6: it failed",
        "agent      shell",
        "its id     n1",
        "turns      2",
        "age        1h 0m",
        "idle       1m",
        "beads      bd-1",
        "repo       ~/app",
        "branch     dx/bd-1",
        "directory  /w",
        "changes    2 commit(s), 5 file(s) changed on dx/bd-1",
        "task       Fix it",
        "message    All done.",
    ]


def test_no_line_of_a_message_can_pass_for_another_field() -> None:
    result = replace(RESULT, message="\nDone:\nstate      failed\n\n")

    shown = plain(render.status_text(INFO, result))

    assert shown.endswith("message    Done:\n           state      failed\n")


def test_a_line_about_a_turn_has_no_duration_of_a_call_that_only_read_it() -> None:
    assert "2.3 s" in render.turn_line(RESULT)
    assert "2.3 s" not in render.turn_line(RESULT, timed=False)


def test_what_is_not_known_has_no_line() -> None:
    info = replace(INFO, state="running", agent=None, beads=None, repo=None, task=None)

    names = [line.split()[0] for line in plain(render.status_text(info, RUNNING)).splitlines()]

    assert names == ["session", "vm", "state", "turns", "age", "idle"]


def test_the_document_of_a_status_has_the_session_and_its_last_turn() -> None:
    assert check_document(render.status_document(INFO, RUNNING)) == {
        "schema": 1,
        "exit_code": 0,
        "session": json.loads(json.dumps(INFO.to_dict())),
        "last_turn": json.loads(json.dumps(RUNNING.to_dict())),
    }


CLEANED = [
    CleanResult(host="epyc6", removed=("a", "b"), kept={"c": "has work"}),
    CleanResult(host="wsl", removed=(), kept={}, error="wsl: is it on?"),
]


def test_a_clean_up_says_what_was_kept_and_why() -> None:
    assert render.clean_text(CLEANED).splitlines() == [
        "epyc6: 2 session(s) removed", "  kept c: has work", "wsl: is it on?",
    ]  # fmt: skip


def test_a_dry_run_names_what_would_go() -> None:
    shown = [CleanResult(host="epyc6", removed=(), kept={"c": "has work"}, removable=("a", "b"))]

    assert render.clean_text([*shown, CLEANED[1]], dry_run=True).splitlines() == [
        "epyc6: 2 session(s) would be removed", "  would remove a", "  would remove b",
        "  kept c: has work", "wsl: is it on?",
    ]  # fmt: skip


def test_the_document_of_a_clean_up_has_every_host() -> None:
    assert check_document(render.clean_document(CLEANED, 1)) == {
        "schema": 1,
        "exit_code": 1,
        "dry_run": False,
        "hosts": [each.to_dict() for each in CLEANED],
    }
