"""Rules of the run of a turn, by what it asks a VM and makes of the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.host_run import Crowd
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_reply import (
    CutShortError,
    KeeperError,
    ProgramMissingError,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.link import (
    CallTimeoutError,
    LinkError,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.ssh_errors import SshFailure
from ansible_collections.dxansible.fleet.plugins.plugin_utils.turn_run import TurnRun

from tests.unit.collection.answers import make_run
from tests.unit.collection.turn_answers import (
    SAID,
    SES,
    ended,
    entry,
    listing,
    mine,
    reply,
    resume,
    turn,
)

if TYPE_CHECKING:
    from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_listing import Entry

LOST = LinkError(SshFailure.LOST, "Connection reset by peer")


def test_a_turn_is_started_once_and_followed_to_its_end() -> None:
    played = turn([mine(reply(SAID)), reply(at=len(SAID)), ended(at=len(SAID))])

    assert played.verbs == ["start", "poll", "poll"]
    (_, key, script, options), (_, _, first), (_, _, second) = played.calls
    assert (key, options["need"], options["idle"], options["deadline"]) == (
        f"{SES}.1", "robot", "1200", "7200",
    )  # fmt: skip
    assert script.endswith(b"{{ do }} it\nmake test")
    assert first == second == {"wait": 4, "out": len(SAID), "err": 0}
    assert [each.get("text") for each in played.news] == [[["out", "Well.\n"]], []]
    record = played.record
    assert (record["outcome"], record["asks"], record["turn"]) == ("SUCCESS", True, 1)
    assert record["text"] == [["out", "Done?\n"]]
    assert (record["result"]["branch"], record["result"]["native_id"]) == ("dx/b", "n1")
    assert (record["attempts"], record["started"], record["done"]) == (1, True, True)
    assert (played.result["failed"], played.result["changed"]) == (False, True)


def test_a_lost_start_is_sent_again_as_it_was() -> None:
    played = turn([LOST, ended()], retry_delay=3)

    (_, key, script, options), (_, *again) = played.calls
    assert again[-1].pop("since") > 0
    assert again == [key, script, options]
    assert played.news[0]["retry"]["attempt"] == 1
    assert played.pauses == [3]
    assert (played.record["outcome"], played.record["attempts"]) == ("SUCCESS", 2)


@pytest.mark.parametrize("failure", [LOST, CallTimeoutError(), CutShortError("cut short")])
def test_a_turn_whose_vm_is_gone_goes_on_there(failure: Exception) -> None:
    played = turn([reply(SAID), failure, failure])

    record = played.record
    assert (record["outcome"], record["reason"], record["turn"]) == ("FAILURE", "lost_contact", 1)
    assert f"dx-dispatch --logs {SES}" in record["error"]
    assert (record["started"], record["attempts"]) == (True, 2)


def test_failures_in_a_row_are_counted_anew_once_the_vm_was_reached() -> None:
    played = turn([LOST, reply(SAID), LOST, ended(at=len(SAID))])

    assert (played.record["outcome"], played.record["attempts"]) == ("SUCCESS", 3)


def test_a_vm_that_was_never_reached_has_no_turn() -> None:
    refused = LinkError(SshFailure.UNREACHABLE, "Connection refused")
    played = turn([refused, refused])

    record = played.record
    assert (record["outcome"], record["reason"]) == ("PREFLIGHT_FAILED", "HOST_UNREACHABLE")
    assert (record["started"], played.result["changed"]) == (False, False)


def test_what_the_vm_can_not_do_is_said() -> None:
    played = turn([KeeperError("the disk is full")])

    assert (played.record["reason"], played.record["error"]) == (
        "vm_error", "epyc6: the disk is full",
    )  # fmt: skip


def test_a_turn_that_is_not_waited_for_is_left_to_run() -> None:
    played = turn([reply()], wait=False)

    ((_, _, _, options),) = played.calls
    assert (options["wait"], options["chunk"]) == (0, 0)
    assert (played.record["outcome"], played.result["failed"]) == ("RUNNING", False)
    assert (played.record["agent"], played.record["meta"]["agent"]) == ("robot", "robot")


def test_in_a_crowd_every_host_waits_for_a_short_time_only() -> None:
    played = turn([reply(SAID), ended(at=len(SAID))], Crowd(hosts=300, width=10))

    assert (played.calls[0][3]["wait"], played.calls[1][2]["wait"]) == (0, 1)
    assert played.record["limit"] == 2**20


def test_an_agent_that_is_not_there_starts_nothing() -> None:
    played = turn([ProgramMissingError("/bin:/usr/bin")])

    assert (played.record["outcome"], played.record["reason"]) == (
        "PREFLIGHT_FAILED", "agent_missing",
    )  # fmt: skip
    assert "robot is not on the PATH" in played.record["error"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"agent": "robto"}, "there is no agent 'robto'"),
        ({"agents": {"robot": {"strat": 1}}}, "dx_agents: robot"),
        ({"agent": "shell", "task_is_data": True}, "would run the issue's text as a program"),
    ],
)
def test_an_agent_that_can_not_be_used_is_not_asked_for(
    options: dict[str, Any], words: str
) -> None:
    played = turn([], **options)

    assert (played.record["outcome"], played.record["reason"]) == (
        "PREFLIGHT_FAILED", "agent_invalid",
    )  # fmt: skip
    assert words in played.record["error"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"idle_timeout": -1}, "dx_idle_timeout has to be a number of seconds"),
        ({"timeout": float("inf")}, "dx_timeout has to be a number of seconds"),
        ({"max_retries": -1}, "dx_max_retries has to be 0 or more"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        turn([], **options)


def test_a_worktree_has_a_directory_of_its_own() -> None:
    assert "can't be used together" in str(turn([], repo="~/a", dir="~/b").error)


@pytest.mark.parametrize(
    ("session", "variables", "mode"),
    [
        ("", {}, "start"),
        ("", {"dx_finalize": True}, "start"),
        (SES, {}, "resume"),
        (SES, {"dx_finalize": False}, "resume"),
        (SES, {"dx_finalize": True}, "finalize"),
    ],
)
def test_what_kind_of_turn_it_is_follows_from_the_session(
    session: str, variables: dict[str, Any], mode: str
) -> None:
    run = make_run(TurnRun, {"session": session}, variables)

    assert run.options["mode"] == mode


# further turns


def test_a_further_turn_goes_on_with_the_conversation() -> None:
    played = resume([listing(entry(2), entry(1)), mine(ended())], agent="shell")

    (_, key, script, options) = played.calls[1]
    assert (key, options["need"]) == (f"{SES}.3", "robot")
    assert b"robot --id n1" in script or b"'robot' '--id' 'n1'" in script
    assert (played.record["outcome"], played.record["turn"]) == ("SUCCESS", 3)


def test_the_agents_id_is_read_from_an_earlier_turn_where_nobody_kept_it() -> None:
    known = listing(entry(1, meta={"agent": "robot"}), entry(2, meta={"finalize": True}))
    played = resume([known, reply(SAID), mine(ended())])

    assert played.verbs == ["list", "poll", "start"]
    assert played.calls[1][1:] == (f"{SES}.1", {"chunk": 65536})
    assert played.record["meta"]["native_id"] == "n1"


def test_a_conversation_that_never_began_can_not_be_resumed() -> None:
    played = resume([listing(entry(1, meta={"agent": "robot"})), reply(b"oops\n")])

    assert (played.record["reason"], played.record["turn"]) == ("no_conversation", 0)


def test_a_session_that_the_vm_does_not_know_is_not_resumed() -> None:
    for mode in ("resume", "finalize", "follow"):
        played = turn([listing()], mode=mode)

        assert (played.verbs, played.record["reason"]) == (["list"], "unknown_session")


def test_a_conversation_begun_by_hand_needs_to_know_its_directory() -> None:
    played = resume([listing()], session="n1")
    there = resume([listing(), mine(ended())], session="n1", dir="~/there")

    assert (played.record["reason"], played.record["turn"]) == ("directory_unusable", 0)
    assert there.record["meta"]["directory"] == "~/there"


def test_a_turn_is_refused_while_another_runs() -> None:
    played = resume([listing(entry(1, "running"))])

    assert (played.verbs, played.record["reason"]) == (["list"], "session_busy")


def test_with_queue_it_waits_for_the_turn_before() -> None:
    running, done = listing(entry(1, "running")), listing(entry(1))
    played = resume([running, reply(), done, mine(ended())], queue=True)

    assert played.verbs == ["list", "poll", "list", "start"]
    assert played.calls[1][2]["wait"] == 4
    assert [each.get("queued") for each in played.news] == [True]
    assert (played.record["outcome"], played.record["turn"]) == ("SUCCESS", 2)


def test_another_clients_prompt_may_come_first() -> None:
    known, theirs = listing(entry(1)), reply()
    played = resume([known, theirs])
    queued = resume(
        [known, theirs, listing(entry(1), entry(2)), mine(ended())], queue=True
    )  # fmt: skip

    assert (played.record["reason"], played.record["started"]) == ("session_busy", False)
    assert [call[1] for call in queued.calls] == [SES, f"{SES}.2", SES, f"{SES}.3"]


@pytest.mark.parametrize("before", [entry(1, "lost"), entry(1, "timeout", verified=False)])
@pytest.mark.parametrize(
    ("gone", "verbs", "reason"),
    [(True, ["list", "abort", "start"], "ok"), (False, ["list", "abort"], "session_busy")],
)
def test_what_a_turn_may_have_left_is_stopped_first(
    before: Entry,
    gone: bool,  # noqa: FBT001 - a parameter of the test
    verbs: list[str],
    reason: str,
) -> None:
    answers = [listing(before), reply(state=before.state, verified=gone), mine(ended())]
    played = resume(answers[: len(verbs)])

    assert (played.verbs, played.record["reason"]) == (verbs, reason)
    assert played.calls[1][-1] == {"remnants": True}


def test_a_conversation_is_looked_for_again_after_a_call_that_failed() -> None:
    known = listing(entry(1, meta={"agent": "robot"}))
    played = resume([known, LOST, known, reply(SAID), mine(ended())])

    assert played.verbs == ["list", "poll", "list", "poll", "start"]
    assert played.record["meta"]["native_id"] == "n1"


def test_a_turn_that_never_arrived_leaves_nothing_but_its_number() -> None:
    gone = entry(2, "aborted", {}, tombstone=True)
    meta = {"agent": "robot", "native_id": "n1", "repo": "~/a"}
    played = resume([listing(entry(1, "lost", meta), gone), reply(verified=True), mine(ended())])
    alone = resume([listing(entry(1, "aborted", {}, tombstone=True))])

    assert [call[1] for call in played.calls] == [SES, f"{SES}.1", f"{SES}.3"]
    assert (played.record["agent"], played.record["meta"]["repo"]) == ("robot", "~/a")
    assert alone.record["reason"] == "unknown_session"


def test_a_pull_request_is_a_turn_of_git() -> None:
    out = b"pushed\n\x1edx-turn code=0 base=main branch=dx/b head=abc host=h\n"
    meta = {"agent": "robot", "beads": "bd-1", "repo": "~/a"}
    played = turn([listing(entry(1, meta=meta)), mine(ended(out))], mode="finalize")

    (_, key, _, options) = played.calls[1]
    assert (key, options["need"], options["idle"]) == (f"{SES}.2", "sh", "0")
    assert played.record["meta"] | {"finalize": True, "beads": "bd-1"} == played.record["meta"]
    assert played.record["result"]["push"]["base"] == "main"
