"""Rules of reading what an agent prints."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.agents import Agent, load_agents
from ansible_collections.dxansible.fleet.plugins.plugin_utils.stream_reader import StreamReader

from tests.unit.collection.answers import known_to

MIB = 2**20
AGENTS = load_agents(
    {
        "robot": {
            "start": ["robot"],
            "events": "json",
            "native_id": "id",
            "text": [
                {"when": {"type": "piece"}, "show": "text", "message": True, "joined": True},
                {"when": {"type": "say"}, "show": "text", "message": True},
                {"when": {"type": "think"}, "show": "text", "message": True, "quiet": True},
                {"when": {"type": "run"}, "show": "text", "prefix": "$ "},
            ],
            "finished": {"type": "end"},
            "failed": [{"when": {"type": "bad"}, "message": "why", "prefix": "robot: "}],
            "needs_input": [
                {"when": {"type": "ask"}},
                {"stderr": "^proceed\\?"},
                {"when": {"type": "denied"}, "path": "which", "until": {"type": "run"}},
            ],
        }
    }
)
ROBOT, SHELL = AGENTS["robot"], AGENTS["shell"]


def read(agent: Agent, *pieces: bytes) -> tuple[str, dict[str, Any]]:
    """What is shown, and what is known at the end."""
    reader = StreamReader(agent)
    text = "".join(reader.feed(piece) for piece in pieces) + reader.close()
    return text, known_to(reader)


def single(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def lines(*events: object) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def test_a_refusal_on_standard_error_is_a_call_for_a_human() -> None:
    error = (
        b"warning\n\x1b[93m\x1b[1m! \x1b[0mpermission requested: external_directory (/etc/*); "
        b"auto-rejecting\n"
    )
    for pieces in ([error], single(error)):
        reader = StreamReader(AGENTS["opencode"])
        for piece in pieces:
            reader.feed_error(piece)
        assert reader.needs_input


def test_an_unfinished_line_of_standard_error_counts_at_the_end() -> None:
    reader = StreamReader(ROBOT)
    reader.feed_error(b"x" * MIB + b"\nproc")
    reader.feed_error(b"eed? [y/N]" + b" " * MIB)

    assert not reader.needs_input
    assert len(repr(known_to(reader))) < 10_000
    reader.close()
    assert reader.needs_input


BAD, END = {"type": "bad", "why": "it broke"}, {"type": "end"}


@pytest.mark.parametrize(
    ("events", "finished", "problem"),
    [
        ([BAD], False, "robot: it broke"),
        ([BAD, END], True, "robot: it broke"),
        ([END, BAD], False, "robot: it broke"),
        ([BAD, {"type": "bad"}], False, "robot: it broke"),
        ([{"type": "bad", "why": 5}], False, "robot: 5"),
        ([{"type": "bad", "why": None}], False, "robot reported a failure without a reason"),
    ],
)
def test_the_last_word_decides(
    events: list[object], problem: str | None, *, finished: bool
) -> None:
    state = read(ROBOT, lines(*events))[1]

    assert (state["finished"], state["problem"]) == (finished, problem)


def test_standard_error_of_an_agent_without_rules_for_it_is_nothing() -> None:
    reader = StreamReader(SHELL)
    reader.feed_error(b"proceed?\n")

    assert known_to(reader) == known_to(StreamReader(SHELL))


@pytest.mark.parametrize(
    ("events", "wanted"),
    [
        ([{"type": "ask"}], True),
        ([{"type": "ask"}, END], True),
        ([{"type": "denied", "which": []}], False),
        ([{"type": "denied", "which": None}], False),
        ([{"type": "denied", "which": [{}]}], True),
        ([{"type": "denied", "which": [{}]}, {"type": "run"}], False),
        ([{"type": "denied", "which": [{}]}, {"type": "run"}, {"type": "ask"}], True),
        ([{"type": "ask"}, {"type": "denied", "which": [{}]}, {"type": "run"}], True),
    ],
)
def test_an_event_can_call_for_a_human_until_the_agent_goes_on(
    events: list[object], *, wanted: bool
) -> None:
    whole, pieces = StreamReader(ROBOT), StreamReader(ROBOT)
    whole.feed(lines(*events))
    for event in events:
        pieces.feed(lines(event))

    assert (whole.needs_input, pieces.needs_input) == (wanted, wanted)


def test_a_refusal_on_standard_error_stopped_nobody_who_came_to_the_end() -> None:
    reader = StreamReader(ROBOT)
    reader.feed_error(b"proceed? no\n")
    reader.feed(lines(END))

    assert not reader.needs_input


@pytest.mark.parametrize(
    "before", [[END], [BAD], [{"type": "ask"}], [{"type": "denied", "which": 1}]]
)
def test_what_an_attempt_has_met_is_over_with_the_next(before: list[object]) -> None:
    reader = StreamReader(ROBOT)
    reader.feed(lines(*before) + b"\n\x1edx-turn ended=1 directory=/h\n")
    assert reader.finished or reader.problem or reader.needs_input
    reader.feed(b"\x1edx-turn attempt=2 directory=/h\n")

    assert (reader.finished, reader.problem, reader.needs_input) == (False, None, False)


def test_what_standard_error_has_asked_is_asked_in_every_attempt() -> None:
    reader = StreamReader(ROBOT)
    reader.feed_error(b"proceed? no\n")
    reader.feed(b"\x1edx-turn attempt=2 directory=/h\n")

    assert reader.needs_input


@pytest.mark.parametrize(
    ("events", "silent"),
    [
        ([END], True),
        ([{"type": "say", "text": " \n"}, END], True),
        ([{"type": "say", "text": "I begin."}, {"type": "run", "text": "make"}, END], True),
        ([{"type": "run", "text": "make"}, {"type": "say", "text": "Done."}, END], False),
        ([{"type": "say", "text": "I begin."}], False),
    ],
)
def test_the_last_message_comes_after_the_last_thing_done(
    events: list[object], *, silent: bool
) -> None:
    reader = StreamReader(ROBOT)
    reader.feed(lines(*events))

    assert reader.silent is silent


def test_a_last_event_that_is_not_read_is_no_end_that_is_missing() -> None:
    reader = StreamReader(ROBOT)
    reader.feed(lines({"type": "end", "text": "x" * 4 * MIB}) + b"\n\x1edx-turn code=0\n")
    assert (reader.finished, reader.end_unread) == (False, True)
    reader.feed(lines(END))
    assert (reader.finished, reader.end_unread) == (True, False)
    reader.skip()
    assert reader.end_unread


def test_an_id_never_looks_like_an_option() -> None:
    for wrong in ["--help", "", "a b", 5, None, ["x"], "x" * 500, "a\nb"]:
        text = lines({"id": wrong}, {"id": "good-1"}, {"id": "later"})
        assert read(ROBOT, text)[1]["native_id"] == "good-1"


def test_pieces_are_joined_and_other_text_begins_a_line() -> None:
    events = [
        {"type": "piece", "text": "one "},
        {"type": "other"},
        {"type": "piece", "text": "two"},
        {"type": "run", "text": "ls"},
        {"type": "piece", "text": "three\n"},
        {"type": "piece", "text": ""},
        {"type": "piece", "text": "four"},
    ]
    text, state = read(ROBOT, lines(*events))

    assert text == "one two\n$ ls\nthree\nfour\n"
    assert state["message"] == "three\nfour"


def test_a_quiet_message_counts_but_is_not_shown() -> None:
    events = [{"type": "say", "text": "a"}, {"type": "think", "text": "b"}, {"type": "say"}]
    text, state = read(ROBOT, lines(*events))

    assert (text, state["message"]) == ("a\n", "b")


def test_what_is_no_event_is_shown_as_it_is() -> None:
    data = b'null\n[1]\n\n{"type": "say"\n42\r\nna\xefve \x1b[1mbold\x1b[0m\n'

    assert read(ROBOT, data)[0] == 'null\n[1]\n{"type": "say"\n42\nna\ufffdve bold\n'


def test_a_string_in_an_event_moves_no_cursor() -> None:
    text, state = read(ROBOT, lines({"type": "say", "text": "a\x1b[2Jb\x1e\x07\tc\ud800"}))

    assert text == "ab\tc\ufffd\n"
    assert state["message"].encode()


@pytest.mark.parametrize("agent", [ROBOT, SHELL], ids=["events", "text"])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_our_own_line_is_handed_over_and_never_shown(agent: Agent, end: bytes) -> None:
    data = b"last words\n\x1ecode=0 {}" + end
    for pieces in ([data], single(data)):
        text, state = read(agent, *pieces)

        assert text.rstrip("\n") == "last words"
        assert state["trailer"] == "code=0 {}"


def test_our_own_line_may_be_the_first() -> None:
    for agent in (ROBOT, SHELL):
        text, state = read(agent, b"\x1eone\n\x1etwo\nmore\n")

        assert (text, state["trailer"]) == ("more\n", "two")


def test_output_of_an_agent_without_events_passes_as_it_comes() -> None:
    reader = StreamReader(SHELL)

    assert reader.feed(b"50 % \x1b[1m\r") == "50 % \x1b[1m\r"
    assert reader.feed(b"done\n") == "done"
    assert reader.feed(b"\n\xe2\x82") == "\n\n"
    assert reader.feed(b"\xac a\x1eb") == "\u20ac a\x1eb"
    assert reader.feed(b"\n\x1e") == ""
    assert reader.feed(b"end\n") == ""
    assert reader.feed(b"late\xff\n") == "late\ufffd"
    assert reader.close() == "\n"
    assert reader.trailer == "end"
    assert not reader.finished


def test_bytes_missing_in_events() -> None:
    reader = StreamReader(ROBOT)
    reader.feed(lines({"type": "piece", "text": "a"}) + b'{"type": "sa')

    assert reader.skip() == "\n"
    assert reader.feed(b'xt": "b"}') == ""
    assert reader.feed(b"\n" + lines({"type": "say", "text": "c"})) == "c\n"


def test_bytes_missing_in_text() -> None:
    reader = StreamReader(SHELL)

    assert reader.feed(b"abc") + reader.skip() == "abc\n"
    assert reader.feed(b"half a line") == ""
    assert reader.feed(b"\nnext\n") + reader.skip() == "next\n"
    assert reader.feed(b"x\n\x1etrai") + reader.skip() == ""
    assert reader.feed(b"ler\n\x1ewhole\n") == ""
    assert (reader.close(), reader.trailer) == ("", "whole")


def test_bytes_missing_at_the_end_leave_nothing() -> None:
    for agent in (ROBOT, SHELL):
        reader = StreamReader(agent)
        reader.skip()

        assert reader.feed(b"rest") + reader.close() == ""


@pytest.mark.parametrize("agent", [ROBOT, SHELL], ids=["events", "text"])
def test_a_line_without_end_takes_no_memory(agent: Agent) -> None:
    reader = StreamReader(agent)
    reader.feed(b"\x1e")
    for _ in range(6):
        reader.feed(b"x" * MIB)

    assert len(repr(known_to(reader))) < 10_000
    assert reader.feed(b"\n\x1egood\n") == ""
    assert reader.trailer == "good"


def test_a_line_that_is_too_long_is_left_out_however_it_comes() -> None:
    event = lines({"type": "say", "text": "x" * 5 * MIB})
    after = lines({"type": "say", "text": "after"})
    pieces = [event[at : at + MIB] for at in range(0, len(event), MIB)]

    assert read(ROBOT, event + after) == read(ROBOT, *pieces, after)
    assert read(ROBOT, event + after)[0] == "after\n"


def test_of_a_long_message_the_end_is_kept() -> None:
    piece = lines({"type": "piece", "text": "\u20ac" * 1000})
    for agent, data in ((ROBOT, piece * 200), (SHELL, b"a\xe2\x82\xac" * 200_000)):
        reader = StreamReader(agent)
        for at in range(0, len(data), 9973):
            reader.feed(data[at : at + 9973])

        message = reader.message or ""
        assert 65_500 < len(message.encode()) <= 65_536
        assert message.endswith("\u20ac")


def test_nothing_to_say_is_no_message() -> None:
    assert StreamReader(SHELL).message is None


def test_text_byte_by_byte_reads_as_at_once() -> None:
    data = b"\x1ea\nb\xe2\x82\xac\n\n\x1ec\xff\nd\n\x1e\n\n"

    assert read(SHELL, *single(data)) == read(SHELL, data)


@pytest.mark.parametrize("agent", AGENTS.values(), ids=lambda agent: agent.name)
def test_no_bytes_make_it_raise(agent: Agent) -> None:
    chance = random.Random(5)  # noqa: S311 - a test's dice
    values: list[object] = [None, [], [[]], {}, 5, -1.5, True, "x", {"content": [None, 1]}]
    kinds = ("piece", "say", "bad", "error", "result", "assistant", "text")
    words = [
        *[b"\n", b"\x1e", b"\xff", b"\xe2", b"\x1b[", b'"', b"{", b"}", b"[" * 3000, b"1" * 5000],
        *[b"NaN\n", b"null\n", b'{"a":1e999}\n', b'{"id":{"x":[]}}\n', b'{"type":null}\n'],
    ]
    for kind in kinds:
        for value in values:
            event = {"text": value, "why": value, "part": value, "message": value}
            words.append(lines({"type": kind, **event}))
    for _ in range(30):
        data = b"".join(chance.choices(words, k=40))
        cut = sorted(chance.choices(range(len(data)), k=5))
        pieces = [data[start:end] for start, end in zip([0, *cut], [*cut, None], strict=True)]

        assert read(agent, *pieces) == read(agent, data)


def test_a_pause_gives_the_newline_that_was_held_back() -> None:
    reader = StreamReader(SHELL)

    assert reader.feed(b"one\n") + reader.pause() == "one\n"
    assert reader.pause() == ""
    assert reader.feed(b"two\n") + reader.pause() + reader.feed(b"\x1edx-turn code=0\n") == "two\n"
    assert reader.trailer == "dx-turn code=0"
    assert StreamReader(ROBOT).pause() == ""
