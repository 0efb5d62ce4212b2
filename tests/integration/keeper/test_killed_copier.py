"""A copier that is killed is no full disk: the stream goes on, and what it held may be missing."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.keeper.machine import PATIENCE, wait_until
from tests.integration.small_disk import small_disk
from tests.lab import processes

if TYPE_CHECKING:
    from tests.integration.keeper.machine import Machine

pytestmark = pytest.mark.directed


def test_the_stream_goes_on_after_its_dd_was_killed(machine: Machine) -> None:
    wait = "while [ ! -e go ]; do sleep 0.05; done"
    machine.start("s", f"echo one; {wait}; echo two; seq 100000 | tail -n 1; exit 3")
    wait_until(lambda: machine.poll("s").out == b"one\n")
    for _ in range(3):
        wait_until(lambda: machine.called("dd"))
        processes.kill(machine.called("dd"))
    (machine.home / "go").touch()
    reply = machine.follow("s")
    assert (reply.state, reply.code, reply.out) == ("exited", 3, b"one\ntwo\n100000\n")
    assert (reply.full, reply.torn) == (False, True)


def test_a_stream_whose_dd_lived_is_whole(machine: Machine) -> None:
    assert not machine.run("s", "echo one").torn


def test_on_a_full_disk_the_command_keeps_a_reader(machine: Machine) -> None:
    more = "yes | head -c 3000000"
    machine.state.mkdir(parents=True)
    with small_disk(machine.state, "size=1m"):
        machine.start("s", f"{more}; while [ ! -e on ]; do sleep 0.05; done; {more}; exit 3")
        wait_until(lambda: machine.called("cat"))
        processes.kill(machine.called("cat"))
        (machine.home / "on").touch()
        reply = machine.wait_for_end("s")
    assert (reply.state, reply.code, reply.full) == ("exited", 3, True)


def test_a_command_whose_transfer_was_killed_does_not_blame_the_disk(machine: Machine) -> None:
    call = machine.begin_transfer("s", b"true\n" * 1000, subprocess.PIPE)
    with call:
        found: set[int] = set()

        def copier() -> bool:
            children = processes.descendants(call.pid)
            found.update(child.pid for child in children if child.name == "dd")
            return bool(found)

        wait_until(copier)
        processes.kill(found)
        out, _ = call.communicate(timeout=PATIENCE)
    assert b"dd was killed" in out
    assert b"disk" not in out
    assert not machine.session("s").exists()
