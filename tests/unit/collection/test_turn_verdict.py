"""Rules of deciding the outcome of an agent's turn."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils import turn_verdict, verdict
from ansible_collections.dxansible.fleet.plugins.plugin_utils.agents import load_agents
from ansible_collections.dxansible.fleet.plugins.plugin_utils.evidence import Evidence, NoRecord
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_reply import Reply
from ansible_collections.dxansible.fleet.plugins.plugin_utils.record import (
    FanoutOutcome,
    PreflightStatus,
    Reason,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.states import ENDED
from ansible_collections.dxansible.fleet.plugins.plugin_utils.stream_reader import StreamReader

if TYPE_CHECKING:
    from ansible_collections.dxansible.fleet.plugins.plugin_utils.record import Verdict

ROBOT: dict[str, Any] = {
    "start": ["robot"],
    "events": "json",
    "finished": {"type": "end"},
    "text": [{"when": {"type": "say"}, "show": "text", "message": True}],
    "failed": [{"when": {"type": "bad"}, "message": "why"}, {"stderr": "^sorry"}],
    "needs_input": [{"when": {"type": "ask"}}],
    "exit_codes": {4: "it has no key"},
}
AGENTS = load_agents({"robot": ROBOT, "mute": {"start": ["mute"], "exit_codes": {4: "no key"}}})
END, ASK, BAD = {"type": "end"}, {"type": "ask"}, {"type": "bad", "why": "it broke"}
DONE, FAILED = "dx-turn code=0 verify=- directory=/h", "dx-turn code=1 verify=- directory=/h"
STOPPED = {"idle", "timeout", "aborted", "killed", "lost", "unstarted", "unknown"}


def decide(
    *events: dict[str, Any],
    agent: str = "robot",
    trailer: str | None = DONE,
    limits: dict[str, float] | None = None,
    errors: bytes = b"",
    **record: Any,  # noqa: ANN401 - any field of a reply
) -> Verdict:
    reader = StreamReader(AGENTS[agent])
    for event in events:
        reader.feed(json.dumps(event).encode() + b"\n")
    if trailer is not None:
        reader.feed(f"\n\x1e{trailer}\n".encode())
    reader.feed_error(errors)
    reader.close()
    reply = Reply(**{"state": "exited", "code": 0, **record})
    return turn_verdict.judge("epyc6", AGENTS[agent], reply, reader, limits or {})


def test_the_end_of_the_turn_and_exit_code_0_are_a_success() -> None:
    assert decide(END, left=2) == turn_verdict.TurnVerdict(
        outcome=FanoutOutcome.SUCCESS,
        reason=Reason.OK,
        evidence=Evidence.TOLD,
        exit_code=0,
        left_running=2,
    )


@pytest.mark.parametrize(("days", "advised"), [(0, True), (7.9, True), (8.1, False)])
def test_a_wait_is_advised_only_for_a_limit_that_a_turn_may_wait_for(
    days: float, *, advised: bool
) -> None:
    decided = decide(BAD, code=1, limited=int(time.time() + days * 86400))

    assert (decided.reason, "go on with --session" in str(decided.error)) == ("usage_limit", True)
    assert ("--on-limit wait" in str(decided.error)) == advised


def test_a_success_whose_last_message_ends_with_a_question_asks() -> None:
    asks = {"type": "say", "text": "I see two ways.\n\nShall I go on?"}

    assert [
        getattr(decided, "asks", False)
        for decided in (
            decide(asks, END),
            decide({"type": "say", "text": "Done."}, END),
            decide(asks, BAD, code=1),
            decide(asks, END, code=3, trailer="dx-turn code=0 verify=3 directory=/h"),
            decide(END),
        )
    ] == [True, False, False, False, False]


def test_an_agent_that_reports_no_end_succeeds_by_its_exit_code_alone() -> None:
    assert decide(agent="mute").outcome == "SUCCESS"
    assert decide(agent="shell").outcome == "SUCCESS"


TABLE: list[tuple[str, list[dict[str, Any]], dict[str, Any], str]] = [
    (
        "no_end_of_turn",
        [],
        {"full": True},
        "robot ended with exit code 0 but did not report the end of its turn; the VM's disk was ",
    ),
    (
        "no_end_of_turn",
        [],
        {},
        "robot ended with exit code 0 but did not report the end of its turn; it may have ",
    ),
    (
        "no_end_of_turn",
        [],
        {"trailer": None},
        "robot ended with exit code 0 but did not report the end of ",
    ),
    ("agent_error", [BAD], {}, "robot: it broke"),
    ("agent_error", [END, BAD], {}, "robot: it broke"),
    ("agent_error", [BAD], {"code": 1}, "robot: it broke (exit code 1)"),
    ("agent_error", [BAD], {"code": 4}, "robot: it broke (exit code 4)"),
    ("agent_error", [BAD, END], {"code": 1}, "robot: it broke (exit code 1)"),
    (
        "agent_error",
        [],
        {"code": 1, "errors": b"hm\nsorry: no id\nat 0\n"},
        "robot: sorry: no id",
    ),
    ("exit_nonzero", [], {"code": 1, "errors": b"hm\n"}, "exit code 1"),
    (
        "no_end_of_turn",
        [{"type": "end", "text": "x" * 2**22}],
        {},
        "robot ended with exit code 0 but its last event is too long, or was cut off",
    ),
    ("agent_error", [], {"code": 4}, "robot: it has no key (exit code 4)"),
    ("agent_error", [END], {"code": 4}, "robot: it has no key (exit code 4)"),
    ("agent_error", [], {"code": 4, "agent": "mute"}, "mute: no key (exit code 4)"),
    ("exit_nonzero", [END], {"code": 7}, "exit code 7"),
    ("exit_nonzero", [], {"code": 7, "agent": "mute"}, "exit code 7"),
    ("signalled", [], {"code": 137}, "killed by SIGKILL (exit code 137)"),
    (
        "needs_input",
        [ASK, END],
        {},
        "robot needs a decision; read its message and answer ",
    ),
    ("needs_input", [ASK, BAD], {"code": 1}, "robot needs a decision; "),
    (
        "verify_failed",
        [END],
        {"code": 3, "trailer": "dx-turn code=0 verify=3 directory=/h"},
        "the agent finished, but the --verify check failed (exit code 3)",
    ),
    (
        "verify_failed",
        [ASK],
        {"code": 4, "trailer": "dx-turn code=0 verify=4 directory=/h"},
        "the agent finished, but the --verify check failed (exit code 4)",
    ),
    (
        "repo_unusable",
        [],
        {"code": 1, "trailer": "dx-turn problem=repo_unusable message=~/x is no directory"},
        "~/x is no directory",
    ),
    (
        "repo_unusable",
        [],
        {"code": 1, "trailer": "dx-turn problem=repo_unusable message= "},
        "repo_unusable",
    ),
]


@pytest.mark.parametrize(("reason", "events", "fields", "text"), TABLE)
def test_every_other_exit_is_a_failure_for_a_reason(
    reason: str, events: list[dict[str, Any]], fields: dict[str, Any], text: str
) -> None:
    decided = decide(*events, **fields)

    assert (decided.outcome, decided.reason) == ("FAILURE", reason)
    assert str(decided.error).startswith(f"epyc6: {text}")


def test_a_failure_has_its_exit_code_and_what_it_left_running() -> None:
    decided = decide(BAD, code=1, left=3, trailer=FAILED)

    assert (decided.exit_code, decided.left_running) == (1, 3)


def test_a_check_that_passed_is_no_failure() -> None:
    assert decide(END, trailer="dx-turn code=0 verify=0 directory=/h").outcome == "SUCCESS"


@pytest.mark.parametrize("state", sorted(STOPPED))
@pytest.mark.parametrize("events", [[], [END], [BAD], [ASK]])
def test_what_did_not_exit_by_itself_is_never_a_success(
    state: str, events: list[dict[str, Any]]
) -> None:
    assert {"exited", *STOPPED} == ENDED

    decided = decide(*events, state=state, verified=True)

    assert decided.outcome != "SUCCESS"
    assert decided.error is not None


def test_a_turn_that_was_not_done_in_time_says_how_long_it_had() -> None:
    decided = decide(state="timeout", verified=True, limits={"timeout": 600.0})

    assert (decided.outcome, decided.reason) == ("TIMEOUT", "deadline")
    assert "timed out after 600 s" in str(decided.error)


@pytest.mark.parametrize(
    ("limits", "events", "verified", "text"),
    [
        ({"idle": 1200.0}, [], True, "robot made no progress for 1200 s (its processes are gone)"),
        ({}, [], True, "robot made no progress for its idle limit (its processes are gone)"),
        (
            {"idle": 2.5},
            [BAD],
            False,
            (
                "robot made no progress for 2.5 s; last error: it broke (some of its processes "
                "may still be running on the VM)"
            ),
        ),
    ],
)
def test_an_agent_without_progress_is_a_timeout_with_its_last_words(
    limits: dict[str, float], events: list[dict[str, Any]], text: str, *, verified: bool
) -> None:
    decided = decide(*events, state="idle", verified=verified, limits=limits)

    assert (decided.outcome, decided.reason) == ("TIMEOUT", "idle")
    assert (decided.stop_verified, decided.error) == (verified, f"epyc6: {text}")


NO_TURNS = NoRecord(evidence=Evidence.TOLD)
SES = "ses_1-0a1b2c3d"


@pytest.mark.parametrize(
    ("decided", "outcome", "reason", "words"),
    [
        (
            turn_verdict.busy("epyc6", SES, "running"),
            "FAILURE", "session_busy", ["is already running", f"--logs {SES} --follow", "--queue"],
        ),
        (
            turn_verdict.busy("epyc6", SES, "scheduled"),
            "FAILURE", "session_busy", ["starts later", f"--abort {SES}", "--queue"],
        ),
        (
            turn_verdict.busy("epyc6", SES, "running", 3600),
            "FAILURE", "session_busy", ["waits until 20", " UTC for its agent's", "--queue"],
        ),
        (
            turn_verdict.busy("epyc6", SES),
            "FAILURE", "session_busy", ["another client's prompt came first", "--queue"],
        ),
        (
            turn_verdict.not_gone("epyc6", SES),
            "FAILURE", "session_busy", ["may still be running", f"--abort {SES}"],
        ),
        (
            turn_verdict.unknown("epyc6", SES, NO_TURNS),
            "FAILURE", "unknown_session", [f"has no session {SES}", "--sessions"],
        ),
        (
            turn_verdict.no_conversation("epyc6", "robot"),
            "FAILURE", "no_conversation", ["robot ended before", "start a new session"],
        ),
        (
            turn_verdict.wrong_agent("epyc6", "there is no agent 'x'", Evidence.NEVER_SENT),
            "PREFLIGHT_FAILED", "agent_invalid", ["there is no agent 'x'"],
        ),
    ],
)  # fmt: skip
def test_what_never_began_says_why_and_what_to_do(
    decided: Verdict, outcome: str, reason: str, words: list[str]
) -> None:
    assert (decided.outcome, decided.reason) == (outcome, reason)
    assert str(decided.error).startswith("epyc6")
    assert [word for word in words if word not in str(decided.error)] == []


def test_every_word_of_a_verdict_is_one_of_the_command_line_s() -> None:
    verdicts = [
        *(decide(*events, **fields) for _, events, fields, _ in TABLE),
        *(decide(state=state) for state in ENDED),
        turn_verdict.busy("h", SES),
        turn_verdict.unknown("h", SES, NO_TURNS),
        turn_verdict.no_conversation("h", "robot"),
        turn_verdict.wrong_agent("h", "x", Evidence.NEVER_SENT),
    ]

    for decided in verdicts:
        assert decided.outcome in set(FanoutOutcome)
        assert decided.reason in {*Reason, *PreflightStatus}
    assert verdict.RUNNING.outcome not in set(FanoutOutcome)
