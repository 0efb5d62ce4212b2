"""Rules of ``--logs`` for people: what was asked, said and done, and when."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.integration.sessions.work import Work, begin, forget_sessions
from tests.lab import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Lab, Vm

pytestmark = pytest.mark.resident

_AGENTS = """\
---
dx_agent: shell
dx_agents:
  talker:
    start: [sh, -c, 'cat >/dev/null; cat "$HOME/events"']
    events: json
    text:
      - {when: {kind: say}, show: text, message: true}
      - {when: {kind: run}, show: [command, output], prefix: "$ "}
      - {when: {kind: printed}, show: output}
    finished: {kind: end}
"""
_EVENTS = [
    {"kind": "say", "text": "I'll look.\n\nTwice.", "timestamp": 1_000_000},
    {
        "kind": "run",
        "command": "pytest\nls",
        "output": "1 failed\n",
        "timestamp": 1_001_000,
    },
    {"kind": "printed", "output": "much\nmore", "timestamp": 1_002_000},
    {"kind": "say", "text": "Done \x1b[31mred.", "timestamp": 1_133_000},
    {"kind": "end"},
]

TASK = "Look at\nit, TOKEN=abcdefgh12"


@pytest.fixture(scope="session")
def inventory(inventory: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lab's, with an agent that prints the events of a file."""
    directory = tmp_path_factory.mktemp("talk") / "inventory"
    shutil.copytree(inventory, directory)
    (directory / "group_vars" / "all.yml").write_text(_AGENTS)
    return directory


def test_a_transcript_has_prompts_times_words_and_a_line_for_each_tool(
    user: Dispatcher, epyc6: Vm
) -> None:
    events = "".join(json.dumps(each) + "\n" for each in _EVENTS)
    (epyc6.home / "events").write_text(f"warming up\n{events}")
    first = user.run(
        "epyc6", "Look at\nit, TOKEN=abcdefgh12", "--agent", "talker", "--wait", "--json"
    )
    session = str(first.result["session_id"])
    user.run("--session", session, "Once more", "--wait")
    answer = user.run("--logs", session)
    assert answer.code == 0, answer.err
    shown = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "WHEN", answer.out.decode())
    shown = re.sub(r"(?<=took )\d+s|\d+s(?= after turn)", "SECONDS", shown)
    body = (
        "warming up\nI'll look.\n\nTwice.\n$ pytest\n(after 2m 11s)\nDone \\x1b[31mred.\n"
    ).replace("\\x1b[31m", "")
    assert shown == (
        f"turn 1  talker  WHEN  took SECONDS\n> Look at\\nit, TOKEN=***\n{body}\n"
        f"turn 2  talker  WHEN  took SECONDS  SECONDS after turn 1\n> Once more\n{body}"
    )
    raw = user.run("--logs", session, "--raw")
    assert raw.out.decode().count(events) == 2
    assert raw.code == 0


def test_a_failed_turn_shows_its_end_and_what_every_turn_begins_with_is_shown_once(
    user: Dispatcher,
) -> None:
    task = "echo hello >&2; exit 3"
    session = str(user.run("epyc6", task, "--wait", "--json").result["session_id"])
    user.run("--session", session, "echo hello >&2; echo done", "--wait")
    answer = user.run("--logs", session)
    shown, errors = (text.decode().splitlines() for text in (answer.out, answer.err))
    assert "done" in shown[shown.index("! FAILURE exit_nonzero: epyc6: exit code 3") :]
    assert sum("FAILURE" in line for line in shown) == 1
    assert errors.count("hello") == 1
    assert "(a line as in turn 1)" in errors


def test_what_moves_the_cursor_is_not_in_a_transcript(user: Dispatcher) -> None:
    noise = r"printf '\033[2K\r10%%\r100%% done\033[0m\r\n\033]0;title\007two\n\033[1mthe end'"
    session = str(user.run("epyc6", noise, "--wait", "--json").result["session_id"])
    lines = user.run("--logs", session).out.decode().splitlines()
    assert lines[2:] == ["100% done", "two", "the end"]


def test_all_sessions_are_not_shown_while_a_vm_does_not_answer(
    user: Dispatcher, other: Dispatcher, lab: Lab
) -> None:
    for vm in lab.vms.values():
        forget_sessions(vm)
    nothing = user.run("--logs", "all", "--json")
    user.run("epyc6", "echo here", "--wait")
    lab.vms["macmini"].fault(Fault.REFUSE)
    try:
        shown = other.run("--logs", "all")
        none = other.run("--logs", "all", "--follow", "--json")
    finally:
        lab.vms["macmini"].heal()

    assert (nothing.code, nothing.document["results"]) == (0, [])
    assert (shown.code, none.code, none.document["exit_code"]) == (3, 3, 3)
    assert shown.out.decode().endswith("| here\n")
    for answer in (shown, none):
        assert answer.err.decode().splitlines()[-1].startswith("macmini: ")


def test_several_sessions_are_followed_at_once(user: Dispatcher, epyc6: Vm) -> None:
    works = [Work(epyc6), Work(epyc6)]
    sessions = [begin(user, each.task) for each in works]
    for each in works:
        each.runs()
    other = begin(user, "echo other", host="epyc6")
    with (
        user.start("--logs", *sessions, "--follow", bufsize=0) as named,
        user.start("--logs", "all", "--follow", bufsize=0) as every,
    ):
        for process in (named, every):
            assert process.stdout is not None
            seen = b""
            while seen.count(b"| begun") < 2:
                piece = process.stdout.read(1000)
                assert piece, seen
                seen += piece
        for each in works:
            each.end()
        ends = [process.communicate(timeout=90) for process in (named, every)]
    for process, (out, err) in zip((named, every), ends, strict=True):
        assert process.returncode == 0, err
        assert sorted(out.decode().splitlines()) == sorted(
            f"{session[:12]} | ended" for session in sessions
        )
    both = user.run("--logs", f"{other},{sessions[0]}")
    lines = both.out.decode().splitlines()
    assert f"{other[:12]} | other" in lines
    shown = [line.partition(" | ")[0] for line in lines]
    assert shown == sorted(shown, key=[other[:12], sessions[0][:12]].index), "in the order given"
    summary = both.err.decode().splitlines()[-2:]
    assert [line.rpartition("turn 1")[1:] for line in summary] == [("turn 1", "")] * 2
    document = user.run("--logs", *sessions, other, "--json").document
    assert [each["session_id"] for each in document["results"]] == [*sessions, other]
