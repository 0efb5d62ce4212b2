"""One id is one run."""

from __future__ import annotations

import time
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_reply import KeeperError

if TYPE_CHECKING:
    from tests.integration.keeper.machine import Machine

COMMAND = "echo ran >>runs; sleep 0.3; echo done"


def _runs(machine: Machine) -> int:
    log = machine.home / "runs"
    return len(log.read_text().splitlines()) if log.exists() else 0


def test_of_twenty_starters_one_runs_it_and_all_see_its_end(machine: Machine) -> None:
    calls = [machine.begin("s", COMMAND, wait=20) for _ in range(20)]
    replies = [call.reply() for call in calls]
    assert [reply.attached for reply in replies].count(False) == 1
    assert {machine.follow("s", reply).state for reply in replies} == {"exited"}
    assert _runs(machine) == 1


def test_a_command_that_ends_before_its_start_goes_on_is_answered(machine: Machine) -> None:
    tools = machine.home / "tools"
    tools.mkdir()
    (tools / "date").write_text(f'#!/bin/sh\nsleep 1\nPATH={machine.path} exec date "$@"\n')
    (tools / "date").chmod(0o755)
    machine.path = f"{tools}:{machine.path}"  # the start notes the time once the supervisor is off

    reply = machine.start("s", "echo quick", wait=20, deadline=60)

    assert (reply.attached, reply.state, reply.code, reply.out) == (False, "exited", 0, b"quick\n")


@pytest.mark.parametrize("length", [0, 5, len(COMMAND) - 1, len(COMMAND) + 1])
def test_a_text_that_is_not_whole_never_runs(machine: Machine, length: int) -> None:
    with pytest.raises(KeeperError, match="did not arrive whole"):
        machine.start("s", COMMAND, length=length)
    time.sleep(0.3)
    assert _runs(machine) == 0
    assert machine.poll("s").state == "unknown"
    assert not list((machine.state / "incoming").iterdir())


DATA = bytes(range(256)) * 4096


@pytest.mark.parametrize("data", [b"x", b"\0\n", DATA], ids=["a byte", "two", "a megabyte"])
def test_a_command_reads_its_input_to_the_end_and_nothing_else(
    machine: Machine, data: bytes
) -> None:
    command = b"sha256sum; wc -c; sha256sum /dev/stdin"
    sizes = {"length": len(command), "input": len(data)}
    reply = machine.run("s", data + command, **sizes)
    whole, rest, again = reply.out.splitlines()
    digest = sha256(data).hexdigest().encode()
    assert (reply.code, whole.split()[0], rest.strip()) == (0, digest, b"0")
    assert again.split()[0] == digest
    assert not (machine.session("s") / "input").exists()
    attached = machine.begin("s", data + b"echo again", **sizes).reply()
    assert (attached.attached, attached.out) == (True, reply.out)


def test_an_input_that_is_not_whole_never_runs(machine: Machine) -> None:
    for sizes in ({"input": 5}, {"input": 7}, {"length": len(COMMAND) - 1, "input": 6}):
        with pytest.raises(KeeperError, match="did not arrive whole"):
            machine.start("s", b"012345" + COMMAND.encode(), **{"length": len(COMMAND), **sizes})
    assert machine.poll("s").state == "unknown"
    assert not list((machine.state / "incoming").iterdir())


def test_a_start_that_waits_for_nothing_still_runs_it(machine: Machine) -> None:
    for number in range(10):
        machine.start(f"s{number}", "echo ran >>runs", wait=0)
        assert machine.follow(f"s{number}").state == "exited"
    assert _runs(machine) == 10


def test_ids_are_names_and_nothing_else(machine: Machine) -> None:
    machine.prefix = ""
    for name in ("", ".", "../x", "a/b", "a b", "$(id)"):
        with pytest.raises(KeeperError, match="id"):
            machine.start(name, COMMAND)
    assert _runs(machine) == 0


def _bound(digest: str, command: str) -> tuple[str, dict[str, object]]:
    """A text with the line that binds its id before it."""
    return f'{digest} {{"task": "words"}}\n{command}', {"about": "yes", "length": len(command)}


def test_of_starters_with_different_digests_only_one_digest_runs(machine: Machine) -> None:
    texts = [_bound(f"{number % 4:x}", f"echo {number % 4}; sleep 0.3") for number in range(12)]
    calls = [machine.begin("s", text, **options) for text, options in texts]
    replies = [call.reply() for call in calls]
    (winner,) = (number % 4 for number, reply in enumerate(replies) if not reply.attached)
    for number, reply in enumerate(replies):
        assert (reply.state == "conflict") == (number % 4 != winner)
    assert machine.follow("s").out == f"{winner}\n".encode()


def test_what_binds_an_id_is_in_no_argument_and_not_part_of_the_command(machine: Machine) -> None:
    text, options = _bound("abc", 'echo "$0"; cat "$0"; sed 1q "$0"')
    reply = machine.run("s", text, **options)
    assert reply.out.count(b"words") == 0
    assert (machine.session("s") / "digest").read_text() == "abc\n"


def test_a_digest_that_is_cut_short_is_nothing(machine: Machine) -> None:
    for text in ("", "aa", "aa words", "zz words\necho ran >>runs"):
        with pytest.raises(KeeperError, match=r"did not arrive whole|bad digest"):
            machine.start("s", text, about="yes", length=0)
    assert machine.poll("s").state == "unknown"
    assert _runs(machine) == 0


def test_a_session_from_before_digests_is_attached_to(machine: Machine) -> None:
    machine.run("s", "echo once")
    text, options = _bound("aa", COMMAND)
    assert machine.start("s", text, **options).attached
    assert _runs(machine) == 0
