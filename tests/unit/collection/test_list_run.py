"""Rules of the run that reads the sessions of a host, by what it asks and makes of the answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.host_run import Crowd
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_listing import Entry, Listing
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_reply import KeeperError, Reply
from ansible_collections.dxansible.fleet.plugins.plugin_utils.link import (
    CallTimeoutError,
    LinkError,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.list_run import ListRun
from ansible_collections.dxansible.fleet.plugins.plugin_utils.ssh_errors import SshFailure

from tests.unit.clock import ClockedMachine
from tests.unit.collection.answers import Played, make_run, play

if TYPE_CHECKING:
    from collections.abc import Callable

AT_ONCE = {"wait": 0, "stamp": ""}
TURN = "ses_1-0a1b2c3d.1"
COMMAND = "cmd_1-0a1b2c3d"


def entry(name: str, **meta: object) -> Entry:
    kept = {"agent": "shell", "task": "Fix it", **meta}
    return Entry(name=name, state="exited", code=0, meta="#dx " + json.dumps(kept), at=1500)


LISTING = Listing(now=2000, load=0.25, sessions=[entry(TURN, trail="t1"), entry(COMMAND)])


def listed(*answers: Any, **options: object) -> Played:  # noqa: ANN401 - of any verb
    return play(make_run(ListRun, options), *answers)


@pytest.mark.parametrize(
    ("only", "kinds"),
    [("", ["agent", "command"]), ("agents", ["agent"]), ("commands", ["command"])],
)
def test_agents_sessions_and_commands_are_told_apart(only: str, kinds: list[str]) -> None:
    played = listed(LISTING, only=only, session="x", prefix="ses")

    assert played.calls == [
        ("list", "x", {"prefix": "ses", "turns": only == "agents", "words": False, **AT_ONCE})
    ]
    assert [each["kind"] for each in played.record["sessions"]] == kinds
    assert (played.record["load"], played.record["error"]) == (0.25, None)
    assert (played.result["failed"], played.result["changed"]) == (False, False)
    assert played.result["msg"] == f"epyc6: {len(kinds)} sessions"


def test_a_watched_host_answers_when_something_has_changed() -> None:
    machine = ClockedMachine()

    def after(seconds: float, stamp: str, *sessions: Entry) -> Callable[..., Listing]:
        def answer(*_arguments: object) -> Listing:
            machine.moment += seconds
            return Listing(now=2000, load=0.25, sessions=list(sessions), stamp=stamp)

        return answer

    played = play(
        make_run(ListRun, {"watch": 25, "longest_wait": 10}, machine=machine),
        after(0, "a", entry(COMMAND)), after(10, "a"), after(3, "b", entry(TURN)), after(12, "b"),
    )  # fmt: skip

    asked = [(options["wait"], options["stamp"]) for _, _, options in played.calls]
    assert asked == [(10, ""), (10, "a"), (10, "a"), (10, "b")]
    told = [(each["kind"], each.get("sessions") and len(each["sessions"])) for each in played.news]
    assert told == [("sessions", 1), ("alive", None), ("sessions", 1)]
    assert (played.record, played.result["failed"]) == ({"kind": "alive", "done": True}, False)


def test_a_watched_host_is_let_go_when_it_fails_or_others_wait_for_it() -> None:
    watch = {"watch": 60, "longest_wait": 10}
    failed = listed(LISTING, KeeperError("no space"), **watch)
    assert (failed.verbs, failed.record["error"]) == (["list", "list"], "epyc6: no space")

    crowded = play(make_run(ListRun, watch, crowd=Crowd(hosts=3, width=2)), LISTING)
    assert crowded.calls[0][2]["wait"] == 0


def test_where_the_listing_has_too_little_of_a_turn_more_is_read() -> None:
    known = entry(TURN, agent="claude")
    played = listed(
        Listing(now=2000, load=None, sessions=[known]), Reply(state="exited", code=0, out=b"{}\n")
    )

    assert played.calls[1] == ("poll", TURN, {"out": 0, "err": 0})
    assert [each["reason"] for each in played.record["sessions"]] == ["no_end_of_turn"]


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (LinkError(SshFailure.UNREACHABLE, "No route"), "No route; is the machine on"),
        (CallTimeoutError(), "accepts the connection, but its shell does not answer"),
        (KeeperError("no space"), "epyc6: no space"),
    ],
)
def test_a_host_that_can_not_be_asked_has_an_error(failure: Exception, words: str) -> None:
    played = listed(failure)

    assert words in played.record["error"]
    assert played.record["sessions"] == []
    assert (played.result["failed"], played.result["msg"]) == (True, played.record["error"])


def test_a_wrong_record_of_an_agent_hides_no_session() -> None:
    played = listed(LISTING, agents={"robot": 1, 5: {}})

    assert played.record["error"] is None
    assert played.record["sessions"] == listed(LISTING).record["sessions"]


def test_where_a_trail_goes_on_is_noted_on_its_turns_alone() -> None:
    more = Listing(now=1, load=None, sessions=[*LISTING.sessions, entry("ses_2-0a1b2c3d.1")])
    played = listed(more, {}, trail="t1", thread="C1 1.2")

    assert played.calls[1:] == [("note", TURN, "slack", "C1 1.2")]


def test_ends_are_claimed_where_that_is_asked_for() -> None:
    notes: dict[str, str] = {}

    def note(_turn: str, name: str, text: str) -> dict[str, str]:
        return notes | {name: text}

    played = listed(LISTING, Reply(state="exited", code=0), note, claim_ends=True)

    assert played.verbs == ["list", "poll", "note"]
    (end,) = played.record["ends"]
    assert (end["claimed"], end["trail"], end["outcome"]) == (True, "t1", "SUCCESS")
