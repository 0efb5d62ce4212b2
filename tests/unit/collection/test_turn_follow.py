"""Rules of following turns, and of claiming their ends for an audit trail."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.host_run import Crowd
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_listing import Entry
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_reply import KeeperError
from ansible_collections.dxansible.fleet.plugins.plugin_utils.link import (
    CallTimeoutError,
    LinkError,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.ssh_errors import SshFailure

from tests.unit.collection.turn_answers import (
    END,
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
    from tests.unit.collection.answers import Played

LOST = LinkError(SshFailure.LOST, "Connection reset by peer")
TRAIL: dict[str, Any] = {"trail": "t1", "claim_ends": True}


# following


def follow(answers: list[Any], **options: Any) -> Played:  # noqa: ANN401 - any option
    return turn(answers, **{"mode": "follow", **options})


def test_a_follow_has_to_know_which_session() -> None:
    with pytest.raises(ValueError, match="dx_session is needed, the session that is followed"):
        follow([], session="")


def test_a_session_is_followed_from_turn_to_turn() -> None:
    both = listing(entry(1, meta={"agent": "shell", "idle": 5}), entry(2))
    played = follow([both, ended(b"one\n"), both, ended(), both])

    assert [call[1] for call in played.calls if call[0] == "poll"] == [f"{SES}.1", f"{SES}.2"]
    assert (played.news[0]["turn"], played.news[0]["text"]) == (1, [["out", "one"], ["out", "\n"]])
    assert (played.record["turn"], played.record["agent"]) == (2, "robot")


def test_one_turn_is_followed_alone_even_a_refused_one() -> None:
    refused = entry(2, code=1, meta={"finalize": True})
    out = b"no\n\x1edx-turn problem=no_changes message=none\n"
    played = follow([listing(entry(1), refused, entry(3)), ended(out, code=1)], turn=2)

    assert (played.record["turn"], played.record["reason"]) == (2, "no_changes")


def test_a_refused_pull_request_is_no_part_of_a_session() -> None:
    refused = entry(2, code=1, meta={"finalize": True})
    both = listing(entry(1), refused)
    played = follow([both, ended(), both])

    assert played.record["turn"] == 1


def test_a_turn_that_never_arrived_is_not_followed() -> None:
    both = listing(entry(1), entry(2, "aborted", {}, tombstone=True))
    played = follow([both, ended(), both])

    assert played.record["turn"] == 1


def test_what_was_said_so_far_is_shown_without_waiting() -> None:
    played = follow(
        [listing(entry(1, "running")), reply(SAID), reply(at=len(SAID))], wait=False
    )  # fmt: skip

    assert [call[2]["wait"] for call in played.calls[1:]] == [0, 0]
    assert played.record["outcome"] == "RUNNING"
    assert played.record["result"]["message"] == "Well."


def test_the_end_of_a_long_turn_is_enough_for_who_wants_its_tail() -> None:
    begin = 10**6 - 2**18
    long = listing(entry(1, out_total=10**6))
    played = follow([long, ended(b'of a line"}\n' + END, begin), long], tail=True)

    assert played.calls[1][2]["out"] == begin
    assert played.record["text"] == [["out", "Done?\n"]]


def test_bytes_that_the_vm_has_not_kept_are_counted() -> None:
    played = turn([reply(SAID, 7, err=b"bad", err_from=2, err_total=5), ended(at=7 + len(SAID))])

    assert played.news[0]["cut"] == [7, 2]
    assert played.news[0]["text"] == [["err", "bad"]]


def test_a_newline_held_back_is_soon_shown() -> None:
    said = b"one\n"
    played = turn(
        [reply(said), reply(at=len(said)), ended(b"two\n", len(said))], agent="shell"
    )  # fmt: skip

    assert [call[2]["wait"] for call in played.calls[1:]] == [1, 4]
    assert [each["text"] for each in played.news] == [[["out", "one"]], [["out", "\n"]]]


# ends that an audit trail is to be told of


def claimed(name: str = SES) -> Entry:
    return Entry(
        name=f"{name}.1", state="exited", code=0, out_total=len(END),
        meta="#dx " + json.dumps({"agent": "robot", "trail": "t1"}),
    )  # fmt: skip


def test_the_end_of_a_turn_is_claimed_with_it() -> None:
    played = turn([ended(), listing(claimed()), ended(), {"slack-end": "another"}], **TRAIL)

    assert played.verbs == ["start", "list", "poll", "note"]
    (end,) = played.record["ends"]
    assert (end["claimed"], end["turn"], end["outcome"]) == (False, 1, "SUCCESS")


def test_of_a_turn_on_many_hosts_the_end_is_claimed_later() -> None:
    played = turn([ended()], Crowd(hosts=2, width=2), **TRAIL)

    assert [end["claimed"] for end in played.record["ends"]] == [False]


@pytest.mark.parametrize("failure", [LOST, CallTimeoutError(), KeeperError("no")])
def test_an_end_that_can_not_be_claimed_is_left_to_others(failure: Exception) -> None:
    played = turn([ended(), failure], **TRAIL)

    assert (played.record["outcome"], len(played.record["ends"])) == ("SUCCESS", 1)


def test_a_turn_without_a_trail_has_no_end_to_tell() -> None:
    assert turn([ended()], claim_ends=True).record["ends"] == []


def test_the_ends_of_earlier_turns_are_claimed_before_a_further_one() -> None:
    answers = [listing(claimed()), LOST, reply(SAID), mine(ended())]
    played = resume(answers, claim_ends=True)

    assert played.verbs == ["list", "poll", "poll", "start"]
    assert played.record["outcome"] == "SUCCESS"
