"""Rules of reading what the agents have really printed; the streams are in streams/."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.agents import Agent, load_agents
from ansible_collections.dxansible.fleet.plugins.plugin_utils.stream_reader import StreamReader

from tests.unit.collection.answers import known_to

STREAMS = sorted((Path(__file__).parent / "streams").glob("*.jsonl"))
AGENTS = load_agents()


WITHOUT_PROGRESS = {f"opencode-{end}" for end in ("401", "429", "500", "cut", "limit")}


class Ending(NamedTuple):
    """What became of a turn."""

    finished: bool
    problem: str | None
    needs_input: bool = False
    message: str | None = None


ENDINGS = {
    "claude-401": Ending(
        finished=False, problem="Failed to authenticate. API Error: 401 error 401 from the model"
    ),
    "claude-aborted": Ending(finished=False, problem=None),
    "claude-cut": Ending(finished=True, problem=None, message="Done turns=1 tools=0 "),
    "claude-denied": Ending(
        finished=True, problem=None, needs_input=True, message="Done turns=1 tools=1 "
    ),
    "claude-deferred": Ending(finished=True, problem=None, needs_input=True),
    "claude-stopped": Ending(
        finished=True,
        problem=None,
        needs_input=True,
        message='OK turns=1 tools=2 first="RUN: echo hi RUN: rm x"',
    ),
    "claude-went-on": Ending(
        finished=True,
        problem=None,
        message='OK turns=1 tools=2 first="RUN: rm x RUN: echo hi"',
    ),
    "claude-resume": Ending(finished=True, problem=None, message="Done turns=2 tools=0 "),
    "claude-slash": Ending(
        finished=True, problem=None, message="/help isn't available in this environment."
    ),
    "claude-success": Ending(finished=True, problem=None, message="Done turns=1 tools=1 "),
    "claude-toolfail": Ending(finished=True, problem=None, message="Done turns=1 tools=1 "),
    "claude-unknown": Ending(
        finished=False,
        problem="No conversation found with session ID: 1c55720a-7ca6-40a3-b277-79c83196d01b",
    ),
    "codex-401": Ending(
        finished=False,
        problem="unexpected status 401 Unauthorized: error 401 from the model, "
        "url: http://model.example/v1/responses",
    ),
    "codex-500": Ending(
        finished=False,
        problem="We\u2019re currently experiencing high demand, which may cause temporary errors.",
    ),
    "codex-aborted": Ending(finished=False, problem=None),
    "codex-cut": Ending(
        finished=False,
        problem="stream disconnected before completion: stream closed before response.completed",
    ),
    "codex-resume": Ending(finished=True, problem=None, message="Done turns=2 tools=0 "),
    "codex-success": Ending(finished=True, problem=None, message="Done turns=1 tools=1 "),
    "codex-toolfail": Ending(finished=True, problem=None, message="Done turns=1 tools=1 "),
    "gemini-aborted": Ending(
        finished=False,
        problem=None,
        message="tick0 tick1 tick2 tick3 tick4 tick5 tick6 tick7 tick8 ",
    ),
    "gemini-resume": Ending(
        finished=True, problem=None, message="tick0 tick1 tick2 Done turns=2 tools=0 "
    ),
    "gemini-success": Ending(finished=True, problem=None, message="Done turns=1 tools=1 "),
    "gemini-toolfail": Ending(finished=True, problem=None, message="Done turns=1 tools=1 "),
    "opencode-401": Ending(finished=False, problem="error 401 from the model"),
    "opencode-500": Ending(finished=False, problem="error 500 from the model"),
    "opencode-aborted": Ending(finished=False, problem=None),
    "opencode-cut": Ending(finished=False, problem=None, message="Done turns=1 tools=0 "),
    "opencode-noauto": Ending(finished=False, problem=None),
    "opencode-overflow": Ending(
        finished=True, problem="maximum context length is 8192 tokens", message="fine"
    ),
    "opencode-resume": Ending(finished=True, problem=None, message="Done turns=2 tools=0 "),
    "opencode-success": Ending(finished=True, problem=None, message="Done turns=1 tools=1 "),
    "opencode-toolfail": Ending(finished=True, problem=None, message="Done turns=1 tools=1 "),
}


TOOLS = {
    "claude-writes": [
        "$ echo oops >&2; exit 3", "! Exit code 3",
        "* changes /srv/site/new.txt", "* Read", "* changes /srv/site/one",
        "! <tool_use_error>String to replace not found in file.",
        "$ false", "! Exit code 1",
    ],
    "claude-plan": [
        "$ echo oops >&2; exit 3", "! Auto mode is unavailable",
        "! Cannot write to /srv/site/new.txt while in plan mode.", "* Read",
        "! Cannot write to /srv/site/one while in plan mode.",
        "! <tool_use_error>String to replace not found in file.",
        "$ false", "! Exit code 1",
    ],
    "codex-failed": [
        "! Model metadata for `m` not found",
        "$ /bin/bash -lc 'echo oops >&2; exit 3'", "! exit code 3",
        "$ /bin/bash -lc false", "! exit code 1",
    ],
    "gemini-writes": [
        "$ echo oops >&2; exit 3",
        "* write_file new.txt", "* replace one", "! Could not find an exact match",
        "$ false",
    ],
    "opencode-writes": ["! $ echo oops >&2; exit 3", "! todowrite", "! edit", "! $ false"],
}  # fmt: skip
"""How each line of a transcript begins, before the last words."""


def read(agent: Agent, *pieces: bytes) -> tuple[str, dict[str, Any]]:
    """What is shown, and what is known at the end."""
    reader = StreamReader(agent)
    text = "".join(reader.feed(piece) for piece in pieces) + reader.close()
    return text, known_to(reader)


def single(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def agent_of(stream: Path) -> Agent:
    return AGENTS[stream.stem.partition("-")[0]]


@pytest.mark.parametrize("stream", STREAMS, ids=lambda path: path.stem)
def test_a_real_stream_in_pieces_reads_as_at_once(stream: Path) -> None:
    agent, data = agent_of(stream), stream.read_bytes() + b"plain \xe2\x82\xac\n\x1etrailer"
    pieces = [data[at : at + 97] for at in range(0, len(data), 97)]
    for parts in (single(data), data.splitlines(keepends=True), pieces):
        assert read(agent, *parts) == read(agent, data)


@pytest.mark.parametrize("stream", STREAMS, ids=lambda path: path.stem)
def test_the_tail_of_a_real_stream_decides_alike(stream: Path) -> None:
    data = stream.read_bytes()
    whole = read(agent_of(stream), data)[1]
    last = data.rstrip(b"\n").rfind(b"\n") + 1
    for start in range(0, last, 53):
        reader = StreamReader(agent_of(stream))
        reader.skip()
        reader.feed(data[start:])

        assert reader.finished == whole["finished"]
        if not reader.finished:
            assert (reader.problem is None) == (whole["problem"] is None)


@pytest.mark.parametrize(("name", "ending"), ENDINGS.items())
def test_what_became_of_a_real_turn(name: str, ending: Ending) -> None:
    stream = Path(__file__).parent / "streams" / f"{name}.jsonl"
    reader = StreamReader(agent_of(stream))
    reader.feed(stream.read_bytes())

    assert (reader.finished, reader.problem, reader.needs_input, reader.message) == ending


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "opencode-toolfail",
            "! $ echo oops >&2; exit 3\noops\nDone turns=1 tools=1 \n",
        ),
        (
            "claude-toolfail",
            "$ echo oops >&2; exit 3\n! Exit code 3\noops\nDone turns=1 tools=1 \n",
        ),
        (
            "codex-toolfail",
            (
                "! Model metadata for `a-model` not found. Defaulting to fallback metadata; this "
                "can degrade performance and cause issues.\n"
                "$ /bin/bash -lc 'echo oops >&2; exit 3'\n! exit code 3\noops\n"
                "Done turns=1 tools=1 \n"
            ),
        ),
        ("gemini-toolfail", "$ echo oops >&2; exit 3\noops\nDone turns=1 tools=1 \n"),
        ("gemini-resume", "tick0 tick1 tick2 Done turns=2 tools=0 \n"),
        (
            "gemini-cut",
            (
                "Done turns=1 tools=0 Done turns=1 tools=0 \n"
                "! Model stream ended without a finish reason.\n"
            ),
        ),
        (
            "claude-401",
            "! no answer from the model, trying again: authentication_failed\n" * 2
            + "! Failed to authenticate. API Error: 401 error 401 from the model\n",
        ),
        ("opencode-401", "! error 401 from the model\n"),
    ],
)
def test_what_is_shown_of_a_real_turn(name: str, text: str) -> None:
    stream = Path(__file__).parent / "streams" / f"{name}.jsonl"

    assert read(agent_of(stream), stream.read_bytes())[0] == text


@pytest.mark.parametrize(("name", "lines"), TOOLS.items())
def test_a_transcript_marks_what_failed_and_names_what_was_changed(
    name: str, lines: list[str]
) -> None:
    stream = Path(__file__).parent / "streams" / f"{name}.jsonl"
    reader = StreamReader(agent_of(stream), "transcript")
    shown = (reader.feed(stream.read_bytes()) + reader.close()).splitlines()

    assert len(shown) == len(lines) + 1, shown
    for line, begins in zip(shown, lines, strict=False):
        assert line.startswith(begins)


@pytest.mark.parametrize(("mode", "asks"), [("plan", False), ("default", True)])
def test_a_denied_write_is_no_question_of_an_agent_that_plans(mode: str, *, asks: bool) -> None:
    stream = Path(__file__).parent / "streams" / "claude-plan.jsonl"
    lines = stream.read_text().splitlines()
    kept = [each for each in lines if "/srv/site/new.txt" in each or '"type":"result"' in each]
    begin = json.loads(lines[0]) | {"permissionMode": mode}
    reader = StreamReader(AGENTS["claude"])
    reader.feed("\n".join([json.dumps(begin), *kept, ""]).encode())

    assert len(kept) == 4
    assert (reader.finished, reader.needs_input) == (True, asks)


@pytest.mark.parametrize("stream", STREAMS, ids=lambda path: path.stem)
def test_the_id_of_a_real_conversation_is_found(stream: Path) -> None:
    agent = agent_of(stream)
    found = read(agent, stream.read_bytes())[1]["native_id"]

    assert (found is None) == agent.chosen_id
    if agent.name == "opencode":
        assert found.startswith("ses_")


def test_going_round_in_circles_is_no_progress_and_all_else_is() -> None:
    for stream in STREAMS:
        progress = re.compile(agent_of(stream).progress)
        seen = any(map(progress.search, stream.read_text(errors="replace").splitlines()))
        assert seen == (stream.stem not in WITHOUT_PROGRESS), stream.name


@pytest.mark.parametrize("agent", AGENTS.values(), ids=lambda agent: agent.name)
def test_nulls_anywhere_in_real_events_are_no_problem(agent: Agent) -> None:
    for stream in STREAMS:
        if agent_of(stream) is agent:
            for line in stream.read_bytes().splitlines():
                for key in (event := json.loads(line)):
                    for value in (None, [event], "\ud800"):
                        read(agent, json.dumps({**event, key: value}).encode() + b"\n")
