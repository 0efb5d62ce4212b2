"""Rules of what one listing of the keeper says of agent sessions."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils import verdict
from ansible_collections.dxansible.fleet.plugins.plugin_utils.agents import load_agents
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_listing import Entry
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_reply import Reply
from ansible_collections.dxansible.fleet.plugins.plugin_utils.record import (
    FanoutOutcome,
    Reason,
    Verdict,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.session_view import (
    describe,
    describe_command,
    state_of,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.states import ENDED

from dxansible.results import SessionInfo
from tests.unit.collection.answers import answered

SES = "ses_1-0a1b2c3d"
META = {"agent": "robot", "task": "Fix it", "beads": "bd-1", "repo": "~/a", "idle": 5}
AGENTS = load_agents(
    {
        "robot": {
            "start": ["robot"],
            "events": "json",
            "text": [{"when": {"type": ["end", "say"]}, "show": "text", "message": True}],
            "finished": {"type": "end"},
            "failed": [{"when": {"type": "bad"}, "message": "why"}],
            "needs_input": [{"stderr": "^proceed"}],
        }
    }
)
END = b'{"type":"end"}\n\n\x1edx-turn code=0 verify=- directory=/h\n'


def entry(number: int = 1, *, last: bytes = END, meta: object = META, **fields: Any) -> Entry:  # noqa: ANN401 - any field
    known: dict[str, Any] = {
        "state": "exited",
        "code": 0,
        "out_total": len(last),
        "began": 1000,
        "at": 1500,
    }
    kept = meta if meta is None or isinstance(meta, str) else "#dx " + json.dumps(meta)
    return Entry(name=f"{SES}.{number}", last=last, meta=kept, **{**known, **fields})


def view(
    *turns: Entry, now: int | None = 2000, more: tuple[bytes, bytes] | None = None
) -> dict[str, Any]:
    """The description; ``more`` is the turn's output and standard error, read where needed."""
    read = [] if more is None else [Reply(state="exited", code=0, out=more[0], err=more[1])]
    return answered(describe("epyc6", list(turns), AGENTS, now, 5.0), *read)


def test_a_session_is_described_by_its_last_turn() -> None:
    first = entry(1, meta={"agent": "shell", "task": "Begin"}, code=1, began=100, at=200)

    assert view(first, entry(3, out_cut=7, full=True)) == {
        "kind": "agent",
        "session": SES,
        "started_for": None,
        "turn": 3,
        "turns": 2,
        "agent": "robot",
        "state": "succeeded",
        "outcome": "SUCCESS",
        "reason": "ok",
        "error": None,
        "exit_code": 0,
        "asks": False,
        "message": None,
        "truncation": {"stdout_bytes": 7, "stderr_bytes": 0, "disk_full": True},
        "age_s": 1900,
        "idle_s": 500,
        "task": "Fix it",
        "first_task": "Begin",
        "beads": "bd-1",
        "repo": "~/a",
        "usage": None,
        "resets_at": None,
        "resumes_s": None,
    }


def test_a_turn_that_waits_for_a_limit_is_limited() -> None:
    found = view(entry(state="running", code=None, resumes=90, limited=5, at=None, last=b""))
    assert (found["state"], found["outcome"], found["resumes_s"]) == ("limited", None, 90)
    assert found["resets_at"] is None


def test_a_turn_that_ended_at_a_limit_says_when_it_resets() -> None:
    found = view(entry(code=1, limited=1760000400))
    assert (found["state"], found["reason"]) == ("failed", "usage_limit")
    assert found["resets_at"] == 1760000400
    assert "resets at 2025-10-09 09:00:00 UTC" in found["error"]
    unknown = view(entry(code=1, limited=0))
    assert "did not say when" in unknown["error"]
    assert "did not say when" in view(entry(code=1, limited=10**17))["error"]


def test_a_description_is_all_that_the_command_line_wants_to_know() -> None:
    info = SessionInfo.of("epyc6", view(entry()))

    assert (info.session_id, info.outcome, info.ended) == (SES, "SUCCESS", True)


@pytest.mark.parametrize("state", ["starting", "running"])
def test_what_has_not_ended_is_running(state: str) -> None:
    found = view(entry(state=state, code=None, idle=7, at=None, last=b""))

    assert (found["state"], found["outcome"], found["error"]) == ("running", None, None)
    assert (found["idle_s"], found["age_s"]) == (7, 1000)


def test_a_state_that_no_table_has_is_neither_running_nor_an_end() -> None:
    turn = entry(state="melted", code=None, idle=7, at=None, last=b"")
    found = view(turn), describe_command("epyc6", turn, 2000)

    for each in found:
        assert (each["state"], each["outcome"], each["reason"]) == ("melted", None, "lost_contact")
        assert "the VM told the state 'melted', which this release does not know" in each["error"]
        assert not SessionInfo.of("epyc6", each).ended


@pytest.mark.parametrize("state", sorted(ENDED))
def test_what_has_ended_has_an_outcome(state: str) -> None:
    found = view(entry(state=state, verified=True))

    assert found["outcome"] in set(FanoutOutcome)
    assert (found["outcome"] == "SUCCESS") == (found["error"] is None) == (state == "exited")


@pytest.mark.parametrize(
    ("fields", "age", "idle"),
    [
        ({"now": None}, None, None),
        ({"now": 900}, 0, 0),
        ({"now": 2000}, 1000, 500),
    ],
)
def test_times_are_by_the_clock_of_the_vm(
    fields: dict[str, Any], age: int | None, idle: int | None
) -> None:
    found = view(entry(), **fields)

    assert (found["age_s"], found["idle_s"]) == (age, idle)


def test_a_time_that_was_never_recorded_is_not_known() -> None:
    found = view(entry(state="lost", began=None, at=None))

    assert (found["age_s"], found["idle_s"], found["state"]) == (None, None, "lost")


def test_the_end_of_a_long_output_is_enough() -> None:
    last = b'd":"of the middle"}\n{"type":"say","text":"Done."}\n' + END
    found = view(entry(last=last, out_total=10**6))

    assert found["state"] == "succeeded"


@pytest.mark.parametrize(
    ("errors", "reason", "state"),
    [
        (b"warning\nproceed? [y/N]", "needs_input", "needs_input"),
        (b"", "no_end_of_turn", "failed"),
    ],
)
def test_an_agent_that_did_not_say_that_it_was_done_may_have_asked_on_standard_error(
    errors: bytes, reason: str, state: str
) -> None:
    found = view(entry(last=b'{"type":"work"}\n'), more=(b'{"type":"work"}\n', errors))

    assert (found["reason"], found["state"]) == (reason, state)


def test_a_turn_that_failed_says_why() -> None:
    checked = END.replace(b"verify=-", b"verify=1")
    found = [
        view(entry(last=b'{"type":"bad","why":"No."}\n', code=2)),
        view(entry(last=checked, code=1)),
    ]

    assert [each["reason"] for each in found] == ["agent_error", "verify_failed"]


def test_a_turn_that_never_arrived_is_no_part_of_a_session() -> None:
    found = view(entry(), entry(2, state="aborted", tombstone=True, meta=None))

    assert (found["turn"], found["state"], found["agent"]) == (1, "succeeded", "robot")


def test_a_last_event_that_is_longer_than_what_a_listing_has_is_read() -> None:
    end = b'{"type":"end","text":"' + b"x" * 5000 + b' Shall I?"}\n'
    found = view(entry(last=end[-4096:], out_total=len(end)), more=(end, b""))

    assert (found["state"], found["asks"]) == ("succeeded", True)


def test_a_last_message_that_is_longer_than_what_a_listing_has_is_read() -> None:
    said = b'{"type":"say","text":"' + b"x" * 5000 + b' Shall I?"}\n'
    found = view(entry(last=said[-1000:] + END, out_total=10**4), more=(said + END, b""))

    assert (found["state"], found["asks"]) == ("succeeded", True)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (r"All is well.\n\nShall I push it?\n", "Shall I push it?"),
        ("word " * 200, ("word " * 80).rstrip() + " "),
        (r" \n ", None),
    ],
)
def test_the_last_line_of_what_an_agent_said_is_in_the_listing(
    said: str, shown: str | None
) -> None:
    last = b'{"type":"say","text":"%s"}\n' % said.encode() + END

    assert view(entry(last=last))["message"] == shown


@pytest.mark.parametrize(
    ("said", "total", "shown"),
    [
        (b'{"type":"say","text":"I look"}\n{"type":"say","text":"I mend"}\n{"ty', 99, "I mend"),
        (b'{"type":"say","text":"I look"}\n', 5000, None),  # it may begin in the middle
        (b"", 0, None),
    ],
)
def test_the_last_words_of_a_running_turn_are_what_is_shown_of_it(
    said: bytes, total: int, shown: str | None
) -> None:
    turn = entry(state="running", code=None, last=b"", said=said, out_total=total)

    assert view(turn)["message"] == shown


def test_what_an_agent_says_of_its_failure_is_shown() -> None:
    found = view(entry(last=b'{"type":"bad","why":"no key"}\n', code=1))

    assert (found["reason"], found["error"]) == (
        "agent_error",
        "epyc6: robot: no key (exit code 1)",
    )


def test_a_limit_is_told_as_the_turn_had_it() -> None:
    found = view(entry(state="idle", verified=True))

    assert found["error"] == "epyc6: robot made no progress for 5 s (its processes are gone)"


@pytest.mark.parametrize("meta", [None, "", "#!/bin/sh", "#dx []", '#dx {"agent":["x"]}', "#dx {"])
def test_what_is_known_of_a_turn_may_make_no_sense(meta: str | None) -> None:
    found = view(entry(meta=meta, last=b"text"))

    assert (found["state"], found["task"], found["repo"]) == ("succeeded", None, None)


def test_a_limit_may_make_no_sense() -> None:
    assert view(entry(meta=META | {"idle": "soon"}))["state"] == "succeeded"


def test_an_agent_that_is_not_described_here_is_judged_by_its_exit_code() -> None:
    found = view(entry(meta=META | {"agent": "foreign"}, last=b"text"))

    assert (found["agent"], found["state"]) == ("foreign", "succeeded")


VERDICT = Verdict(outcome=FanoutOutcome.FAILURE, reason=Reason.EXIT_NONZERO)


@pytest.mark.parametrize(
    ("outcome", "reason", "word"),
    [
        (verdict.RUNNING.outcome, verdict.RUNNING.reason, "running"),
        (FanoutOutcome.SUCCESS, Reason.OK, "succeeded"),
        (FanoutOutcome.FAILURE, Reason.EXIT_NONZERO, "failed"),
        (FanoutOutcome.FAILURE, Reason.LOST, "lost"),
        (FanoutOutcome.FAILURE, Reason.NEEDS_INPUT, "needs_input"),
        (FanoutOutcome.TIMEOUT, Reason.IDLE, "timeout"),
        (FanoutOutcome.ABORTED, Reason.ABORTED, "aborted"),
    ],
)
def test_a_state_is_one_word(outcome: FanoutOutcome, reason: Reason, word: str) -> None:
    assert state_of(replace(VERDICT, outcome=outcome, reason=reason)) == word
