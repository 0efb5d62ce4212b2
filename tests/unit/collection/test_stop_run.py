"""Rules of the run that stops something on a host, by what it asks and makes of the answers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_listing import Entry, Listing
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_reply import KeeperError, Reply
from ansible_collections.dxansible.fleet.plugins.plugin_utils.link import (
    CallTimeoutError,
    LinkError,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.ssh_errors import SshFailure
from ansible_collections.dxansible.fleet.plugins.plugin_utils.stop_run import StopRun

from dxansible.run.workspace import serve_on_socket
from tests.unit.collection.answers import Played, make_run, play

if TYPE_CHECKING:
    from pathlib import Path

ABORTED = Reply(state="aborted", verified=True, out_total=7, err_total=2)
ENDED = Reply(state="exited", code=3, out_total=7, verified=True)
REMNANTS = {"remnants": True, "since": 0}
SES = "ses_1-0a1b2c3d"


def stop(*answers: Any, socket: str = "", **options: Any) -> Played:  # noqa: ANN401 - of any verb
    return play(make_run(StopRun, {"id": "cmd_1-0a1b2c3d"} | options, socket=socket), *answers)


def stop_turn(*answers: Any, **options: Any) -> Played:  # noqa: ANN401 - as above
    return stop(*answers, **{"id": SES, "turns": True, **options})


def turns(*states: str, **meta: object) -> Listing:
    kept = "#dx " + json.dumps({"agent": "shell", **meta})
    entries = [
        Entry(name=f"{SES}.{number}", state=state, code=0, meta=kept)
        for number, state in enumerate(states, 1)
    ]
    return Listing(now=1, load=None, sessions=entries)


@pytest.mark.parametrize(
    ("reply", "outcome", "changed", "failed"),
    [
        (ABORTED, "ABORTED", True, False),
        (Reply(state="aborted", verified=False), "ABORTED", True, True),
        (ENDED, "FAILURE", False, False),
        (Reply(state="running"), "ABORTED", False, True),
        (Reply(state="lost", verified=True), "FAILURE", False, False),
    ],
)
def test_a_stop_is_good_where_the_command_is_known_to_be_gone(
    reply: Reply,
    outcome: str,
    changed: object,
    failed: object,
) -> None:
    played = stop(reply, wait=3)

    assert played.calls == [("abort", "cmd_1-0a1b2c3d", 3, b"", REMNANTS)]
    assert (played.record["state"], played.record["outcome"]) == (reply.state, outcome)
    assert played.record["totals"] == [reply.out_total, reply.err_total]
    assert (played.result["changed"], played.result["failed"]) == (changed, failed)


@pytest.mark.parametrize(
    "failure",
    [LinkError(SshFailure.LOST, "reset"), CallTimeoutError(), KeeperError("no space")],
)
def test_a_vm_that_can_not_be_asked_has_stopped_nothing(failure: Exception) -> None:
    played = stop(failure)

    assert (played.record["outcome"], played.record["stop_verified"]) == ("FAILURE", False)
    assert played.record["reason"] == "lost_contact"
    assert "did not answer the stop" in played.record["error"]
    assert "may be running there; see: dx-dispatch --logs cmd_1-0a1b" in played.record["error"]
    assert "try again: dx-dispatch --abort cmd_1-0a1b2c3d" in played.record["error"]
    assert (played.record["state"], played.record["totals"]) == ("unknown", None)
    assert played.result["failed"]


@pytest.mark.parametrize("preflight", [None, {"run_id": ""}])
def test_a_stop_has_to_know_what(preflight: dict[str, str] | None) -> None:
    with pytest.raises(ValueError, match="one of the options id and preflight"):
        stop(id="", preflight=preflight)


def test_only_the_command_that_is_meant_is_stopped(tmp_path: Path) -> None:
    text = json.dumps({"summary": "s", "stdin": 0, "text": 4}).encode() + b"\ntrue"
    with serve_on_socket(text, tmp_path / "command.sock"):
        played = stop(
            Reply(state="conflict", out_total=9),
            socket=str(tmp_path / "command.sock"),
            path=["~/bin"],
        )

    assert played.calls[0][3].endswith(b' {"host": "epyc6", "task": "s"}\n')
    assert (played.record["reason"], played.record["state"]) == ("id_conflict", "conflict")
    assert played.record["totals"] is None


def test_a_command_that_the_vm_may_have_lost_may_have_run() -> None:
    lost = Reply(state="lost", restarted=True, verified=True)
    played = stop(lost, first_sent=30.0)

    (call,) = played.calls
    assert 30 < call[4]["since"] < 120
    assert (played.record["outcome"], played.record["reason"]) == ("FAILURE", "lost")
    assert played.record["stop_verified"] is True
    assert played.record["totals"] is None
    assert "may have run" in played.record["error"]


def test_of_a_session_the_last_turn_is_stopped() -> None:
    played = stop_turn(turns("exited", "running"), ABORTED)

    assert played.calls == [("list", SES), ("abort", f"{SES}.2", 8, b"", REMNANTS)]
    assert (played.record["id"], played.record["outcome"]) == (SES, "ABORTED")


def test_a_turn_that_had_ended_keeps_its_outcome() -> None:
    trailer = b"\n\x1edx-turn code=0 verify=1 directory=/h\n"
    played = stop_turn(turns("exited"), ENDED, Reply(state="exited", code=1, out=trailer))

    assert played.verbs == ["list", "abort", "poll"]
    assert (played.record["outcome"], played.record["reason"]) == ("FAILURE", "verify_failed")
    assert "had already ended" in played.record["error"]
    assert played.result["failed"] is False


def test_an_abort_ends_what_a_command_has_left_and_keeps_its_outcome() -> None:
    played = stop(Reply(state="exited", code=0, verified=True, stopped=2))

    assert (played.record["outcome"], played.record["exit_code"]) == ("SUCCESS", 0)
    assert (played.record["stop_verified"], played.record["left_running"]) == (True, 0)
    assert "stopped 2 process(es) that it had left running" in played.record["error"]
    assert played.result["failed"] is False


@pytest.mark.parametrize("state", ["exited", "timeout", "killed"])
@pytest.mark.parametrize("verified", [None, False])
def test_what_the_vm_could_not_verify_is_not_called_gone(
    state: str, *, verified: bool | None
) -> None:
    remains = "12:root:sleep,13:-:-,0:-:-,7:x;y:z"
    played = stop(Reply(state=state, code=0, verified=verified, left=1, remains=remains))

    assert (played.record["stop_verified"], played.record["left_running"]) == (False, 1)
    said = "may still be running on the VM: 12 (sleep of root), 13, the VM hides processes of other"
    assert played.record["error"].count(said) == 1
    assert "x;y" not in played.record["error"]
    assert played.result["failed"] is True


def test_what_earlier_turns_have_left_is_stopped_too() -> None:
    before, last = turns("exited", "running").sessions
    listing = Listing(now=1, load=None, sessions=[replace(before, left=1), last])
    unsure = Reply(state="exited", code=0, verified=False, left=1, remains="5:root:x")
    played = stop_turn(listing, ABORTED, unsure)

    assert [call[1] for call in played.calls[1:]] == [f"{SES}.2", f"{SES}.1"]
    assert (played.record["outcome"], played.record["stop_verified"]) == ("ABORTED", False)
    assert "5 (x of root)" in played.record["error"]


def test_a_session_that_the_vm_does_not_know_is_said_to_be_unknown() -> None:
    played = stop_turn(turns())

    assert (played.verbs, played.record["reason"]) == (["list"], "unknown_session")


def test_a_wrong_record_of_an_agent_stops_no_stop() -> None:
    wrong = {"robot": {"start": 5}}

    for of in ("shell", "robot"):
        played = stop_turn(turns("running", agent=of), ABORTED, agents=wrong)
        assert (played.record["outcome"], played.record["stop_verified"]) == ("ABORTED", True)

    ended = Reply(state="exited", code=0, verified=True, out=b"\n\x1edx-turn code=0 directory=/h\n")
    other = stop_turn(turns("exited"), ended, ended, agents=wrong)
    assert other.record["outcome"] == "SUCCESS"
    own = stop_turn(turns("exited", agent="robot"), ended, ended, agents=wrong)
    assert (own.record["outcome"], own.record["reason"]) == ("FAILURE", "agent_invalid")
    assert "its output can't be judged: dx_agents: robot.start" in own.record["error"]
    assert own.record["stop_verified"] is True


def test_the_end_of_a_stopped_turn_is_claimed() -> None:
    def note(_turn: str, name: str, text: str) -> dict[str, str]:
        return {name: text}

    after = turns("aborted", trail="t1")
    played = stop_turn(
        turns("running"),
        ABORTED,
        after,
        replace(ABORTED, out_total=0, err_total=0),
        note,
        claim_ends=True,
    )

    assert played.verbs == ["list", "abort", "list", "poll", "note"]
    assert [end["outcome"] for end in played.record["ends"]] == ["ABORTED"]


def test_an_end_that_can_not_be_claimed_is_left_to_others() -> None:
    played = stop_turn(turns("running"), ABORTED, KeeperError("no"), claim_ends=True)

    assert (played.record["outcome"], played.record["ends"]) == ("ABORTED", [])
