"""How a command ended is what the record says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.keeper.machine import Machine


@pytest.mark.parametrize("code", [0, 1, 2, 126, 127, 255])
def test_the_exit_code_is_the_commands_own(any_machine: Machine, code: int) -> None:
    reply = any_machine.run("s", f"exit {code}")
    assert (reply.state, reply.code, reply.left) == ("exited", code, 0)


@pytest.mark.parametrize(("name", "code"), [("KILL", 137), ("SEGV", 139), ("TERM", 143)])
def test_a_signal_counts_from_128(machine: Machine, name: str, code: int) -> None:
    reply = machine.run("s", f"kill -s {name} $$")
    assert (reply.state, reply.code) == ("exited", code)


def test_a_command_that_is_not_there_is_127_with_a_reason(machine: Machine) -> None:
    reply = machine.run("s", "no-such-program-anywhere")
    assert reply.code == 127
    assert b"not found" in reply.err


def test_a_stopped_command_has_not_ended(machine: Machine) -> None:
    machine.start("s", "(sleep 0.6; kill -CONT $$) & kill -STOP $$; exit 7", wait=1)
    assert machine.follow("s").code == 7


def test_the_exit_is_recorded_and_the_text_removed(machine: Machine) -> None:
    machine.run("s", "exit 3")
    directory = machine.session("s")
    assert (directory / "end").read_text().startswith("state=exited code=3 ")
    assert not list(directory.glob("*command*"))


def test_the_record_outlives_every_process(machine: Machine) -> None:
    machine.run("s", "echo done; exit 3")
    again = machine.poll("s")
    assert (again.state, again.code, again.out) == ("exited", 3, b"done\n")
