"""What can't be attributed is not touched, and then the stop is never called verified."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.integration.keeper.trees import HOPS, STRAY, Tree

if TYPE_CHECKING:
    from tests.integration.keeper.machine import Machine


@pytest.mark.parametrize("verb", ["deadline", "abort"])
def test_a_process_that_slipped_away_makes_it_unverified(any_machine: Machine, verb: str) -> None:
    tree = Tree(STRAY)
    tree.start(any_machine, "s", deadline=2 if verb == "deadline" else 60)
    if verb == "abort":
        any_machine.abort("s")
    reply = any_machine.wait_for_end("s")
    assert reply.verified is False
    assert tree.alive()


def test_also_while_the_start_still_waits(machine: Machine) -> None:
    tree = Tree(STRAY)
    command = tree.command.replace("echo up; ", "")
    reply = machine.run("s", command, deadline=1, wait=20)
    assert (reply.state, reply.verified) == ("timeout", False)


def test_a_strangers_hold_on_the_streams_makes_it_unverified(machine: Machine) -> None:
    tree = Tree("env -i setsid sh -c 'SLEEP &'")
    tree.start(machine, "s", deadline=1)
    reply = machine.wait_for_end("s")
    assert (reply.state, reply.verified) == ("timeout", False)


def test_a_chain_of_sessions_is_ended_or_not_called_ended(machine: Machine) -> None:
    machine.start("s", f"{HOPS}; echo up; sleep 60", deadline=1, wait=20)
    reply = machine.wait_for_end("s")
    hops = machine.home / "hops"
    size = hops.stat().st_size
    time.sleep(0.5)
    assert hops.stat().st_size == size or not reply.verified
