"""Rules of what is known of sessions and turns, as data."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from dxansible.record import Changes, FanoutOutcome, PreflightStatus, Reason
from dxansible.results import CleanResult, SessionInfo, TurnResult

CHANGES = Changes(commits=2, files=5, dirty=False, head="abc")
RESULT = TurnResult(
    host="epyc6",
    session_id="ses_1-0a1b2c3d",
    user="feng",
    outcome=FanoutOutcome.SUCCESS,
    reason=Reason.OK,
    turn=1,
    agent="shell",
    exit_code=0,
    branch="dx/bd-1",
    changes=CHANGES,
    attempts=1,
    duration_ms=2340,
)
RUNNING = replace(RESULT, outcome=None, reason=None, exit_code=None, changes=None, branch=None)
RECORD: dict[str, object] = {
    "session": "ses_1-0a1b2c3d",
    "turn": 3,
    "turns": 2,
    "agent": "shell",
    "state": "succeeded",
    "outcome": "SUCCESS",
    "reason": "ok",
    "error": None,
    "exit_code": 0,
    "age_s": 3600,
    "idle_s": 60,
    "task": "Fix it",
    "beads": "bd-1",
    "repo": "~/app",
}


@pytest.mark.parametrize(
    ("changes", "nothing"),
    [
        (CHANGES, False),
        (Changes(commits=0, files=0, dirty=False, head="abc"), True),
        (Changes(commits=1, files=0, dirty=False, head="abc"), False),
        (Changes(commits=0, files=1, dirty=False, head="abc"), False),
        (Changes(commits=0, files=0, dirty=True, head=None), False),
    ],
)
def test_nothing_is_neither_commits_nor_files_nor_dirt(changes: Changes, *, nothing: bool) -> None:
    assert changes.nothing == nothing


@pytest.mark.parametrize("outcome", list(FanoutOutcome))
def test_a_turn_that_has_ended_says_so(outcome: FanoutOutcome) -> None:
    result = replace(RESULT, outcome=outcome)

    assert not result.running
    assert result.to_dict()["state"] == "ended"


def test_a_turn_that_runs_is_no_failure() -> None:
    assert RUNNING.running
    assert RUNNING.to_dict()["state"] == "running"


@pytest.mark.parametrize(
    "result", [RESULT, RUNNING, replace(RESULT, reason=PreflightStatus.TIMEOUT)]
)
def test_a_result_is_json_with_all_its_fields(result: TurnResult) -> None:
    document = result.to_dict()

    assert json.loads(json.dumps(document)) == document
    assert set(document) == {*TurnResult.__dataclass_fields__, "state"}


def test_the_changes_of_a_document_say_whether_there_are_any() -> None:
    nothing = replace(RESULT, changes=Changes(commits=0, files=0, dirty=False, head=None))

    assert RESULT.to_dict()["changes"] == {
        "commits": 2, "files": 5, "dirty": False, "head": "abc", "no_changes": False,
    }  # fmt: skip
    assert nothing.to_dict()["changes"] == {
        "commits": 0, "files": 0, "dirty": False, "head": None, "no_changes": True,
    }  # fmt: skip
    assert RUNNING.to_dict()["changes"] is None


def test_a_session_is_built_from_what_its_vm_said() -> None:
    info = SessionInfo.of("epyc6", RECORD)

    assert info == SessionInfo(
        host="epyc6",
        session_id="ses_1-0a1b2c3d",
        state="succeeded",
        turn=3,
        turns=2,
        agent="shell",
        outcome=FanoutOutcome.SUCCESS,
        reason="ok",
        error=None,
        exit_code=0,
        age_s=3600,
        idle_s=60,
        task="Fix it",
        beads="bd-1",
        repo="~/app",
    )
    assert info.ended
    assert json.loads(json.dumps(info.to_dict())) == info.to_dict()


def test_a_session_that_runs_has_not_ended() -> None:
    info = SessionInfo.of("epyc6", RECORD | {"outcome": None, "state": "running"})

    assert (info.outcome, info.ended) == (None, False)


def test_what_was_cleaned_is_json() -> None:
    result = CleanResult(host="epyc6", removed=("a", "b"), kept={"c": "has work"})

    assert result.to_dict() == {
        "host": "epyc6", "removed": ["a", "b"], "removable": [], "kept": {"c": "has work"},
        "error": None,
    }  # fmt: skip
