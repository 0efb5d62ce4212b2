"""Rules of a run that follows a killed one: its turn starts once, and no text is told twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

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

TEXT = b"one\n\ntw\xc3\xb6\n\x1edx-turn code=0 directory=/h\n"
EVENTS = SAID + b'{"type":"say","text":"M\xc3\xb6re.","id":"n1"}\nplain\n' + END
ERRORS = b"bad\nworse\n"


def text_of(played: Played) -> dict[str, str]:
    """What the run told, by stream."""
    found = {"out": "", "err": ""}
    last = [played.result["dx"]] if played.result else []
    for record in [*played.news, *last]:
        for stream, text in record.get("text", ()):
            found[stream] += text
    return found


def begun(out: bytes, at: int, *, idle: bool) -> list[Any]:
    """The answers before a kill: the turn has written ``at`` bytes."""
    first = reply(out[:at], err=ERRORS[:4], err_total=4)
    return [first, reply(at=at, err_from=4, err_total=4)] if idle else [first]


def rest_of(out: bytes, at: int) -> Any:  # noqa: ANN401 - as `ended`
    return ended(out[at:], at, err=ERRORS[4:], err_from=4, err_total=len(ERRORS))


@pytest.mark.parametrize("idle", [False, True], ids=["busy", "idle"])
@pytest.mark.parametrize(("agent", "out"), [("shell", TEXT), ("robot", EVENTS)])
def test_text_goes_on_where_a_killed_run_left_it(agent: str, out: bytes, *, idle: bool) -> None:
    for at in range(len(out)):
        answers = begun(out, at, idle=idle)
        whole = turn([*answers, rest_of(out, at)], agent=agent)
        killed = turn(answers, agent=agent)
        shown = {"epyc6": [1, *killed.news[-1]["upto"]]}
        for size in (at // 2, at, at + 1):
            pieces = [
                reply(out[:size], err=ERRORS, err_total=len(ERRORS)),
                ended(out[size:], size, err_from=len(ERRORS), err_total=len(ERRORS)),
            ]
            again = turn(pieces, agent=agent, shown=shown)
            before, told = text_of(killed), text_of(again)
            assert {key: before[key] + told[key] for key in told} == text_of(whole), (at, size)
            for key in ("result", "outcome", "reason"):
                assert again.record[key] == whole.record[key], (at, size)


def test_bytes_that_were_shown_are_not_missing() -> None:
    out = b"x" * 50
    lost = reply(out[30:], 30, out_total=50)
    shown = {"epyc6": [1, 40, 0]}
    played = turn([lost, ended(b"y", 50)], agent="shell", shown=shown)

    assert [each["cut"] for each in (*played.news, played.record)] == [[0, 0], [0, 0]]
    later = turn([reply(out[45:], 45, out_total=50), ended(b"y", 50)], agent="shell", shown=shown)
    assert later.news[0]["cut"] == [5, 0]


OURS, OTHERS = {"token": "t1"}, {"token": "t2"}
OWN = {**OURS, "may_have_arrived": True}


def test_a_further_turn_that_an_earlier_run_started_is_attached_to() -> None:
    mine_and_later = listing(entry(1), entry(2, **OURS), entry(3, "running", **OTHERS))
    played = resume([mine_and_later, mine(ended())], **OWN)

    assert [call[1] for call in played.calls if call[0] == "start"] == [f"{SES}.2"]
    assert (played.record["turn"], played.record["outcome"]) == (2, "SUCCESS")


def test_a_further_turn_that_did_not_arrive_is_started() -> None:
    played = resume([listing(entry(1, **OTHERS)), mine(ended())], **OWN)

    assert [call[1] for call in played.calls if call[0] == "start"] == [f"{SES}.2"]
    (options,) = (call[3] for call in played.calls if call[0] == "start")
    assert {"token": options["token"]} == OURS


def test_a_pull_request_that_an_earlier_run_began_is_attached_to() -> None:
    running = entry(2, "running", {"finalize": True, "agent": "robot"}, **OURS)
    out = b"pushed\n\x1edx-turn code=0\n"
    played = resume([listing(entry(1), running), mine(ended(out))], mode="finalize", **OWN)

    assert (played.verbs, played.record["turn"]) == (["list", "start"], 2)


def test_a_session_is_followed_from_the_turn_and_byte_that_were_shown() -> None:
    turns = listing(*(entry(number, meta={"agent": "shell"}) for number in (1, 2, 3)))
    shown = {"epyc6": [2, 5, 0]}
    played = turn(
        [turns, ended(b"first later\n"), turns, ended(b"third\n"), turns],
        mode="follow",
        shown=shown,
    )

    assert [call[1] for call in played.calls if call[0] == "poll"] == [f"{SES}.2", f"{SES}.3"]
    assert text_of(played)["out"] == " later\nthird\n"


def test_the_last_words_of_a_turn_are_not_told_again_when_the_next_was_awaited() -> None:
    turns = listing(entry(1, meta={"agent": "shell"}), entry(2, meta={"agent": "shell"}))
    killed = turn([turns, ended(b"one\n"), turns], mode="follow")
    shown = {"epyc6": [1, *killed.news[-1]["upto"]]}
    again = turn(
        [turns, ended(b"one\n"), turns, ended(b"two\n"), turns], mode="follow", shown=shown
    )

    assert (text_of(killed)["out"], text_of(again)["out"]) == ("one\n", "two\n")


def test_a_tail_that_was_shown_goes_on_without_a_gap() -> None:
    out = b"x" * 2**19 + b"\nend\n"
    turns = listing(entry(1, meta={"agent": "shell"}, out_total=len(out)))
    shown = {"epyc6": [1, 2**19 + 1, 0]}
    played = turn([turns, ended(out), turns], mode="follow", tail=True, shown=shown)

    assert (played.calls[1][2]["out"], text_of(played)["out"]) == (0, "end\n")
