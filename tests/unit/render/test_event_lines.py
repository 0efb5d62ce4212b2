"""Rules of telling the events of a run as lines of JSON."""

from __future__ import annotations

import random
from base64 import b64decode
from dataclasses import replace
from typing import Any

import pytest

from dxansible.errors import NoMatchError
from dxansible.record import PreflightStatus
from dxansible.render.event_lines import EventLines
from dxansible.results import PreflightResult
from dxansible.run.events import (
    CommandRuns,
    HostEnded,
    HostFound,
    HostsKnown,
    HostWaits,
    OutputReceived,
    PreflightDone,
    RetryPlanned,
)
from dxansible.run.turn_events import SessionsSeen, TurnUpdate
from tests.schemas import check_lines
from tests.unit.render.test_commands import FAILURE, SUCCESS
from tests.unit.telling import Telling
from tests.unit.test_turn_results import RESULT, RUNNING

CANARY = "ghp_0123456789abcdefABCDEF"


class Told:
    """The events that were told, each of which fits its schema."""

    def __init__(self) -> None:
        self.text = b""
        self.lines = EventLines(self.write, "cmd_1")
        self.run = Telling(self.lines)

    def write(self, line: bytes) -> None:
        assert line.count(b"\n") == 1
        assert line.endswith(b"\n")
        self.text += line

    def events(self) -> list[dict[str, Any]]:
        """Those since the last call, without the fields that all have."""
        found, self.text = check_lines(self.text), b""
        for each in found:
            assert (each.pop("schema"), each.pop("id")) == (1, "cmd_1")
            del each["time"], each["pid"]
        return found


@pytest.fixture
def told() -> Told:
    return Told()


def test_a_host_is_told_from_its_name_to_its_end(told: Told) -> None:
    check = PreflightResult(status=PreflightStatus.OK, host="epyc6", user="dx", attempts=1)
    told.run.handle(HostsKnown(hosts=("epyc6",)))
    told.run.handle(HostFound(host="epyc6", session_id="cmd_1-0", user="dx"))
    told.run.handle(PreflightDone(result=check, session_id="cmd_1-0", warning="ssh says"))
    told.run.handle(OutputReceived(host="epyc6", out=b"a", attached=True))
    told.run.handle(OutputReceived(host="epyc6", err=b"b"))
    told.run.handle(HostEnded(result=replace(FAILURE, host="epyc6")))
    told.lines.finish([replace(FAILURE, host="epyc6")], 1)

    events = told.events()
    assert [each["event"] for each in events] == [
        "hosts", "state", "preflight", "state", "output", "output", "ended", "summary",
    ]  # fmt: skip
    assert events[0]["hosts"] == ["epyc6"]
    assert (events[1]["state"], events[1]["session_id"]) == ("found", "cmd_1-0")
    assert (events[2]["status"], events[2]["warning"]) == ("OK", "ssh says")
    assert (events[3]["state"], events[3]["attached"]) == ("started", True)
    assert [(each["stream"], each["text"]) for each in events[4:6]] == [
        ("stdout", "a"),
        ("stderr", "b"),
    ]
    document = replace(FAILURE, host="epyc6").to_dict()
    without = {key: value for key, value in document.items() if not key.startswith("std")}
    assert events[6] == {"event": "ended", "host": "epyc6", "result": without}
    assert events[7]["outcomes"]["FAILURE"] == events[7]["exit_code"] == 1
    assert (events[7]["outcome"], events[7]["running"]) == ("FAILURE", 0)


def test_a_command_that_only_runs_has_started_once(told: Told) -> None:
    told.run.handle(CommandRuns(host="epyc6"))
    told.run.handle(CommandRuns(host="epyc6"))
    told.run.handle(OutputReceived(host="epyc6"))

    assert [each["state"] for each in told.events()] == ["started"]


def test_a_command_that_is_waited_for_after_its_start_has_started_once(told: Told) -> None:
    away = HostWaits(host="epyc6", session_id="cmd_1", until=9.0)
    for news in (CommandRuns(host="epyc6"), away, replace(away, until=None), away):
        told.run.handle(news)
    told.run.handle(CommandRuns(host="epyc6"))

    assert [each["state"] for each in told.events()] == ["started", "waiting"]


def test_what_says_nothing_to_a_caller_is_not_told(told: Told) -> None:
    told.run.handle(SessionsSeen(host="epyc6", sessions=()))

    assert told.events() == []


def test_turns_are_told_with_their_numbers(told: Told) -> None:
    def update(turn: int, **more: Any) -> TurnUpdate:  # noqa: ANN401 - its own fields
        return TurnUpdate(host="epyc6", session_id="ses_1", turn=turn, agent="shell", **more)

    told.run.handle(update(1, queued=True))
    told.run.handle(update(1, started=True, out="o", err="e"))
    told.run.handle(update(1, out="more"))
    told.run.handle(update(2, out="next", cut=(7, 0)))
    told.run.handle(HostEnded(result=replace(RUNNING, host="epyc6", turn=2, agent="shell")))

    events = told.events()
    states = [(each["state"], each["turn"]) for each in events if each["event"] == "state"]
    assert states == [("queued", None), ("started", 1), ("started", 2), ("running", 2)]
    texts = [(each["text"], each["skipped"]) for each in events if each["event"] == "output"]
    assert texts == [("o", 0), ("e", 0), ("more", 0), ("next", 7)]


def test_the_end_of_a_turn_is_its_result(told: Told) -> None:
    told.run.handle(HostEnded(result=RESULT))

    (event,) = told.events()
    assert event["result"] == RESULT.to_dict()


def test_a_turn_that_goes_on_is_counted_as_running(told: Told) -> None:
    other = replace(RESULT, host="twin")
    told.run.handle(HostsKnown(hosts=(RUNNING.host, "twin")))
    told.lines.finish([RUNNING, other], 0)

    events = told.events()
    assert [each["event"] for each in events] == ["hosts", "state", "ended", "summary"]
    assert (events[-1]["outcome"], events[-1]["running"]) == (None, 1)
    assert sum(events[-1]["outcomes"].values()) == 1


def test_a_host_without_a_result_is_running(told: Told) -> None:
    told.run.handle(HostsKnown(hosts=("epyc6", "twin")))
    told.lines.finish([], 130)

    summary = told.events()[-1]
    assert (summary["running"], summary["exit_code"], summary["outcome"]) == (2, 130, None)


def test_the_end_of_a_host_is_told_once(told: Told) -> None:
    told.run.handle(HostEnded(result=SUCCESS))
    told.lines.finish([SUCCESS, replace(SUCCESS, host="silent")], 0)

    ended = [each["host"] for each in told.events() if each["event"] == "ended"]
    assert ended == [SUCCESS.host, "silent"]


def test_a_retry_and_a_check_are_told_without_secrets(told: Told) -> None:
    failed = PreflightResult(
        status=PreflightStatus.HOST_UNREACHABLE, host="epyc6", error=f"token {CANARY}"
    )
    told.run.handle(PreflightDone(result=failed, warning=f"token {CANARY}"))
    told.run.handle(RetryPlanned(host="epyc6", attempt=1, error=f"token {CANARY}"))

    assert CANARY.encode() not in told.text
    checked, retry = told.events()
    assert checked["error"] == checked["warning"] == retry["error"] == "token ***"
    assert (retry["attempt"], checked["session_id"]) == (1, None)


def test_an_error_is_the_last_event(told: Told) -> None:
    told.lines.fail(NoMatchError("epyc7", ["epyc6"]))

    (event,) = told.events()
    assert event["exit_code"] == 3
    assert event["error"] == {
        "type": "NoMatchError",
        "message": "epyc7: no such host",
        "remedy": "did you mean epyc6?",
    }


def _bytes(events: list[dict[str, Any]], stream: str) -> bytes:
    """The stream that the events of a host make."""
    found = [each for each in events if each["event"] == "output" and each["stream"] == stream]
    return b"".join(
        b64decode(each["base64"]) if "base64" in each else each["text"].encode() for each in found
    )


def test_a_character_is_never_split(told: Told) -> None:
    whole = "aé€😀\n".encode()
    for place in range(len(whole)):
        told.run.handle(OutputReceived(host="epyc6", out=whole[place : place + 1]))
    events = told.events()

    assert [each["text"] for each in events[1:]] == ["a", "é", "€", "😀", "\n"]
    assert all("base64" not in each for each in events)


def test_half_a_character_at_the_end_or_before_a_gap_is_told_exactly(told: Told) -> None:
    told.run.handle(OutputReceived(host="epyc6", out=b"a\xe2\x82"))
    told.run.handle(OutputReceived(host="epyc6", out=b"b\xc3", out_skipped=5))
    told.run.handle(HostEnded(result=replace(SUCCESS, host="epyc6")))

    events = told.events()
    found = [(each["text"], each["skipped"]) for each in events if each["event"] == "output"]
    assert found == [("a", 0), ("�", 0), ("b", 5), ("�", 0)]
    assert _bytes(events, "stdout") == b"a\xe2\x82b\xc3"


def test_a_gap_without_text_is_told(told: Told) -> None:
    told.run.handle(OutputReceived(host="epyc6", err_skipped=9))

    (_, gap) = told.events()
    assert (gap["stream"], gap["text"], gap["skipped"]) == ("stderr", "", 9)


@pytest.mark.parametrize("seed", range(20))
def test_random_bytes_in_random_pieces_are_told_exactly(told: Told, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same bytes each time
    letters = ["é".encode(), "€".encode(), "😀".encode(), b"a", b"\n", b"\xff", b"\xe2\x82", b"\0"]
    streams = [b"".join(chance.choices(letters, k=5000)) for _ in range(2)]
    places = [0, 0]
    while any(place < len(stream) for place, stream in zip(places, streams, strict=True)):
        pieces = []
        for number, stream in enumerate(streams):
            count = chance.choice([0, 1, 2, 3, 700])
            pieces.append(stream[places[number] : places[number] + count])
            places[number] += count
        told.run.handle(OutputReceived(host="epyc6", out=pieces[0], err=pieces[1]))
    told.run.handle(HostEnded(result=replace(SUCCESS, host="epyc6")))

    events = told.events()
    assert [_bytes(events, stream) for stream in ("stdout", "stderr")] == streams
    for each in events:
        if "base64" not in each and each["event"] == "output":
            assert "�" not in each["text"]


def test_a_lot_of_output_is_told_in_lines_that_collectors_take(told: Told) -> None:
    told.run.handle(OutputReceived(host="epyc6", out="é".encode() * 100_000))

    assert max(map(len, told.text.splitlines())) < 100_000
    assert _bytes(told.events(), "stdout") == "é".encode() * 100_000


def test_words_of_an_agent_that_are_no_text_are_told_as_text(told: Told) -> None:
    told.run.handle(TurnUpdate(host="epyc6", session_id="ses_1", out="a\ud800b"))

    assert [each["text"] for each in told.events()] == ["a?b"]
