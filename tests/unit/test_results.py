"""Rules of the results."""

import json
from base64 import b64decode
from dataclasses import FrozenInstanceError, replace
from itertools import product
from typing import Any

import pytest

from dxansible.record import FanoutOutcome, PreflightStatus, Reason, Truncation
from dxansible.results import FanoutResult, HostMapping, PreflightResult, exit_code, worst

WORST_FIRST = [
    FanoutOutcome.ABORTED,
    FanoutOutcome.TIMEOUT,
    FanoutOutcome.PREFLIGHT_FAILED,
    FanoutOutcome.FAILURE,
    FanoutOutcome.SUCCESS,
]


def result(**changes: Any) -> FanoutResult:  # noqa: ANN401 - any field of any type
    success = FanoutResult(
        outcome=FanoutOutcome.SUCCESS,
        reason=Reason.OK,
        host="epyc6",
        user="feng",
        command_summary="make test",
        exit_code=0,
        attempts=1,
        duration_ms=2340,
    )
    return replace(success, **changes)


def preflight(status: PreflightStatus) -> PreflightResult:
    return PreflightResult(
        status=status,
        host="epyc6",
        user="feng",
        auth_mode="tailscale",
        duration_ms=150,
        attempts=1,
        latency_ms=12,
        capabilities=("gpu", "ml"),
        aliases=("epyc",),
    )


@pytest.mark.parametrize(
    ("word", "exit_code"),
    [
        ("SUCCESS", 0),
        ("FAILURE", 1),
        ("PREFLIGHT_FAILED", 3),
        ("TIMEOUT", 124),
        ("ABORTED", 130),
    ],
)
def test_outcome_is_its_word_and_has_its_exit_code(word: str, exit_code: int) -> None:
    outcome = FanoutOutcome(word)

    assert f"{outcome}" == outcome.name == word
    assert outcome.exit_code == exit_code


def test_every_outcome_has_a_rank() -> None:
    assert set(WORST_FIRST) == set(FanoutOutcome)


@pytest.mark.parametrize(("first", "second"), [*product(WORST_FIRST, repeat=2)])
def test_worst_outcome_wins(first: FanoutOutcome, second: FanoutOutcome) -> None:
    expected = min(first, second, key=WORST_FIRST.index)

    assert worst(iter([first, second])) is expected


def test_no_outcome_is_not_a_success() -> None:
    with pytest.raises(ValueError, match="nothing has run"):
        worst([])


LEFT_OUT = result(outcome=FanoutOutcome.ABORTED, reason=Reason.NOT_STARTED)
STOPPED = result(outcome=FanoutOutcome.ABORTED, reason=Reason.ABORTED)
FAILED = result(outcome=FanoutOutcome.FAILURE, reason=Reason.EXIT_NONZERO)


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ([result(), FAILED, LEFT_OUT], 1),
        ([result(), LEFT_OUT], 130),
        ([LEFT_OUT], 130),
        ([FAILED, STOPPED, LEFT_OUT], 130),
    ],
)
def test_hosts_that_were_left_out_do_not_count_beside_one_that_failed(
    results: list[FanoutResult], code: int
) -> None:
    assert exit_code(results) == code


def refused(**changes: Any) -> FanoutResult:  # noqa: ANN401 - any field of any type
    return result(outcome=FanoutOutcome.FAILURE, reason=Reason.ID_CONFLICT, **changes)


@pytest.mark.parametrize(
    ("others", "code"),
    [
        ([], 2),
        ([refused(host="b")], 2),
        ([result(outcome=FanoutOutcome.PREFLIGHT_FAILED, reason=PreflightStatus.TIMEOUT)], 2),
        ([result()], 1),
        ([result(outcome=FanoutOutcome.ABORTED, reason=Reason.ABORTED)], 130),
    ],
)
def test_an_id_that_is_refused_is_a_usage_error_where_nothing_has_run(
    others: list[FanoutResult], code: int
) -> None:
    assert exit_code([refused(), *others]) == code


def test_words_of_the_specification_are_kept() -> None:
    assert [status.value for status in PreflightStatus] == [
        "OK",
        "HOST_UNRESOLVABLE",
        "HOST_UNREACHABLE",
        "USER_MAPPING_MISSING",
        "AUTH_MODE_INVALID",
        "TIMEOUT",
    ]
    assert [reason.value for reason in Reason] == [
        *("ok", "exit_nonzero", "signalled", "auth_failed", "host_key"),
        *("id_conflict", "lost", "lost_contact", "vm_error", "deadline", "aborted"),
        *("idle", "agent_invalid", "agent_missing", "agent_error", "no_end_of_turn"),
        *("needs_input", "usage_limit", "verify_failed", "repo_unusable", "directory_unusable"),
        *("session_busy", "unknown_session", "no_conversation"),
        *("issue_claimed", "claim_lost", "claim_failed"),
        *("no_changes", "work_left_out", "commit_failed", "push_failed"),
        *("github_auth", "github_limit"),
        *("github_error", "reviewers_refused", "labels_refused", "issue_not_closed"),
        *("no_pull_request", "jules_failed", "jules_error", "jules_auth", "jules_quota"),
        *("no_source", "create_unclear", "not_started"),
    ]


def test_result_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        result().host = "other"  # type: ignore[misc]


def test_valid_output_is_text_only() -> None:
    document = result(stdout_bytes="grün\n".encode(), stderr_bytes=b"").to_dict()

    assert (document["stdout"], document["stderr"]) == ("grün\n", "")
    assert not {"stdout_base64", "stderr_base64", "stdout_bytes", "stderr_bytes"} & set(document)


def test_replacement_character_of_the_command_itself_is_valid_output() -> None:
    assert "stdout_base64" not in result(stdout_bytes="\ufffd".encode()).to_dict()


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_bytes_that_are_not_utf8_are_kept_beside_the_text(stream: str) -> None:
    raw = b"ok \xff\x00"
    broken = result(**{f"{stream}_bytes": raw})

    document = broken.to_dict()

    assert document[stream] == getattr(broken, stream) == "ok \ufffd\x00"
    assert b64decode(str(document[f"{stream}_base64"])) == raw


def test_output_stays_out_of_the_repr() -> None:
    assert "hunter2" not in repr(result(stdout_bytes=b"hunter2", stderr_bytes=b"hunter2"))


def test_result_as_a_dict_is_what_json_gives_back() -> None:
    document = result(
        outcome=FanoutOutcome.PREFLIGHT_FAILED,
        reason=PreflightStatus.HOST_UNREACHABLE,
        user=None,
        exit_code=None,
        stdout_bytes=b"out",
        error="no answer on port 22; is the VM up?",
        stop_verified=False,
        left_running=2,
        truncation=Truncation(stdout_bytes=7),
        session_id="ses_abc123",
    ).to_dict()

    assert json.loads(json.dumps(document)) == document
    assert document == {
        "outcome": "PREFLIGHT_FAILED",
        "reason": "HOST_UNREACHABLE",
        "host": "epyc6",
        "user": None,
        "command_summary": "make test",
        "attempts": 1,
        "duration_ms": 2340,
        "exit_code": None,
        "stdout": "out",
        "stderr": "",
        "error": "no answer on port 22; is the VM up?",
        "stop_verified": False,
        "left_running": 2,
        "evidence": "lost",
        "truncation": {
            "stdout_bytes": 7,
            "stderr_bytes": 0,
            "disk_full": False,
            "expired": False,
            "uncounted": False,
        },
        "session_id": "ses_abc123",
        "attached": False,
        "starts_s": None,
    }


@pytest.mark.parametrize("status", list(PreflightStatus))
def test_only_the_status_ok_is_ok(status: PreflightStatus) -> None:
    assert preflight(status).ok is (status is PreflightStatus.OK)


def test_preflight_as_a_dict_is_what_json_gives_back() -> None:
    document = preflight(PreflightStatus.OK).to_dict()

    assert json.loads(json.dumps(document)) == document
    assert document == {
        "status": "OK",
        "host": "epyc6",
        "user": "feng",
        "auth_mode": "tailscale",
        "duration_ms": 150,
        "attempts": 1,
        "error": None,
        "latency_ms": 12,
        "capabilities": ["gpu", "ml"],
        "aliases": ["epyc"],
        "agent": None,
        "agent_found": None,
        "agent_version": None,
        "load": None,
        "running": None,
    }


def test_mapping_as_a_dict_is_what_json_gives_back() -> None:
    document = HostMapping(
        host="epyc6",
        address="100.64.0.6",
        port=22,
        user="feng",
        auth_mode="tailscale",
        aliases=("epyc",),
        capabilities=("gpu",),
    ).to_dict()

    assert json.loads(json.dumps(document)) == document
    assert document == {
        "host": "epyc6",
        "address": "100.64.0.6",
        "port": 22,
        "user": "feng",
        "auth_mode": "tailscale",
        "aliases": ["epyc"],
        "capabilities": ["gpu"],
    }
