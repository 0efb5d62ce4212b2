"""Rules of session ids, of the text of a command, and of what one try hands on to the next."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils import session
from ansible_collections.dxansible.fleet.plugins.plugin_utils.session import (
    Command,
    CommandError,
    Progress,
    first_wait,
    new_run_id,
    output_limit,
    pack,
    read_command,
    session_id,
)

from dxansible.runner.workspace import hand_over

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB = 2**20


@pytest.fixture(autouse=True)
def _new_process() -> Iterator[None]:
    session._LAST_TRIES.clear()
    yield
    session._LAST_TRIES.clear()


def registered(progress: Progress, **changes: object) -> dict[str, Any]:
    """What the next task finds in the variable, after JSON."""
    known: dict[str, Any] = json.loads(json.dumps(progress.as_dict()))
    return {"turn": {"dx": {"progress": known | changes}}}


def test_two_names_of_one_machine_have_two_sessions() -> None:
    assert session_id("deploy_42", "epyc6") != session_id("deploy_42", "epyc")
    assert session_id("deploy_42", "epyc6") == session_id("deploy_42", "epyc6")


def test_a_new_id_is_never_one_that_was_given_before() -> None:
    assert len({new_run_id() for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    ("hosts", "limit"),
    [(0, 4 * MIB), (1, 4 * MIB), (8, 4 * MIB), (16, 2 * MIB), (128, MIB // 4), (1000, MIB // 4)],
)
def test_the_more_hosts_the_less_output_of_each(hosts: int, limit: int) -> None:
    assert output_limit(hosts) == limit


@pytest.mark.parametrize(
    ("hosts", "forks", "seconds"), [(1, 5, 1), (5, 5, 1), (6, 5, 0), (100, 99, 0), (2000, 200, 1)]
)
def test_a_start_waits_where_no_other_host_waits_for_its_fork(
    hosts: int, forks: int, seconds: int
) -> None:
    assert first_wait(hosts, forks) == seconds


@pytest.mark.parametrize("text", ["make test", "{{ 7*7 }}", "grün\n", "a\tb"])
def test_a_command_comes_from_the_variable_as_it_is(text: str) -> None:
    assert read_command({"dx_command": text}, "") == Command(text=text.encode())
    assert read_command({"dx_command": text}, None) == Command(text=text.encode())
    both = {"dx_command": "cat", "dx_stdin": f"{text}\0"}
    assert read_command(both, None) == Command(text=b"cat", stdin=f"{text}\0".encode())


def test_bytes_that_are_not_utf8_survive_a_variable() -> None:
    assert read_command({"dx_command": "\udcff"}, None).text == b"\xff"


def test_a_command_comes_from_the_socket_byte_for_byte(tmp_path: Path) -> None:
    text = bytes(range(1, 256)) * 1000

    head = b'{"summary": "make", "stdin": 0, "text": %d}\n' % len(text)
    with hand_over(head + text, tmp_path / "text.sock"):
        command = read_command({"dx_command": "not this"}, str(tmp_path / "text.sock"))
    assert command == Command(text=text, summary="make")


def test_standard_input_comes_before_the_command_and_neither_is_cut_short(tmp_path: Path) -> None:
    whole = b'{"summary": "x", "stdin": 6, "text": 3}\n\0data\0cat'
    with hand_over(whole, tmp_path / "whole.sock"):
        command = read_command({}, str(tmp_path / "whole.sock"))
    assert command == Command(text=b"cat", stdin=b"\0data\0", summary="x")
    for size in (0, 10, len(whole) - 4, len(whole) - 1):
        with (
            hand_over(whole[:size], tmp_path / f"{size}.sock"),
            pytest.raises(CommandError, match="did not arrive whole"),
        ):
            read_command({}, str(tmp_path / f"{size}.sock"))


def test_an_id_stands_for_the_bytes_of_the_command_and_for_where_programs_are_found() -> None:
    digest = Command(text=b"make").digest(["~/bin"])

    assert Command(text=b"make", summary="other words").digest(["~/bin"]) == digest
    assert Command(text=b"make ").digest(["~/bin"]) != digest
    assert Command(text=b"make").digest([]) != digest
    assert Command(text=b"make", stdin=b"x").digest(["~/bin"]) != digest
    assert Command(text=b"make").digest(["~/bin", "~/sbin"]) != digest


def test_what_a_vm_is_told_of_a_command_is_one_line_of_ascii() -> None:
    command = Command(text=b"a\nb", summary="grün\n")

    line = command.about("epyc6", [])

    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert line.isascii()
    assert line.startswith(command.digest([]).encode() + b" {")


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({}, "dx_command is missing; give it as a string"),
        ({"dx_command": None}, "dx_command is missing"),
        ({"dx_command": ["make", "test"]}, "dx_command is no string; give it as a string"),
        ({"dx_command": "cat", "dx_stdin": 7}, "dx_stdin is no string"),
        ({"dx_command": " \n"}, "dx_command is empty"),
        ({"dx_command": "a\0b"}, "dx_command has a NUL byte"),
    ],
)
def test_what_no_shell_can_run_is_no_command(variables: dict[str, Any], complaint: str) -> None:
    with pytest.raises(CommandError, match=complaint):
        read_command(variables, None)


def test_any_bytes_fit_into_a_result() -> None:
    data = bytes(range(256))

    assert base64.b64decode(json.loads(json.dumps(pack(data)))) == data


@pytest.mark.parametrize("register", [None, "turn", {"turn": "a projection"}, {}, ["turn"]])
@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"turn": None},
        {"turn": "text"},
        {"turn": {"dx": None}},
        {"turn": {"dx": {"progress": None}}},
        {"turn": {"dx": {"progress": {"id": "another"}}}},
    ],
)
def test_without_an_earlier_try_it_begins_anew(register: object, variables: dict[str, Any]) -> None:
    progress = Progress.of("s1", register, variables)

    assert (progress.id, progress.attempts, progress.started) == ("s1", 1, False)
    assert abs(progress.began - time.time()) < 60


@pytest.mark.parametrize("register", ["turn", {"turn": "a projection"}])
def test_the_next_task_goes_on_from_what_the_last_one_registered(register: object) -> None:
    last = Progress(id="s1", began=5.0, turn_began=6.0, attempts=2, started=True, out_next=7)

    progress = Progress.of("s1", register, registered(last, spent=True))

    assert (progress.began, progress.attempts, progress.started) == (5.0, 2, True)
    assert progress.out_next == 7
    assert not progress.spent
    assert abs(progress.turn_began - time.time()) < 60


def test_the_next_try_goes_on_from_the_last_one_whatever_is_registered() -> None:
    last = Progress(id="s1", attempts=2, retry=True)
    last.remember()

    assert Progress.of("s1", "turn", registered(Progress(id="s1"))) is last
    assert Progress.of("s2", "turn", {}) is not last


def test_after_the_end_a_task_of_the_same_id_asks_the_vm_again() -> None:
    Progress(id="s1", attempts=2, done=True).remember()

    assert Progress.of("s1", "turn", {}).attempts == 1
