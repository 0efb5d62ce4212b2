"""An abort settles a session, whatever state it is in."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.integration.keeper.machine import wait_until
from tests.integration.keeper.trees import Tree

if TYPE_CHECKING:
    from tests.integration.keeper.machine import Machine


def test_an_id_that_was_aborted_never_starts(any_machine: Machine) -> None:
    settled = any_machine.abort("s")
    assert (settled.state, settled.tombstone, settled.never) == ("aborted", True, False)
    late = any_machine.start("s", "echo ran >>runs", wait=2)
    assert (late.state, late.attached, late.tombstone) == ("aborted", True, True)
    again = any_machine.abort("s")
    assert (again.state, again.tombstone, again.never) == ("aborted", True, False)
    assert b"tombstone=yes" in any_machine.ask("list", prefix=any_machine.prefix)
    time.sleep(0.5)
    assert not (any_machine.home / "runs").exists()


def test_a_second_abort_says_the_same(machine: Machine) -> None:
    Tree("SLEEP &").start(machine, "s")
    first, second = machine.abort("s"), machine.abort("s")
    assert (first.state, first.verified) == ("aborted", True)
    assert (second.state, second.verified, second.never) == ("aborted", True, False)


def test_what_had_ended_stays_as_it_was(machine: Machine) -> None:
    machine.run("s", "exit 6")
    reply = machine.abort("s")
    assert (reply.state, reply.code) == ("exited", 6)


def test_an_abort_that_does_not_wait_is_carried_out_all_the_same(machine: Machine) -> None:
    tree = Tree("SLEEP &")
    tree.start(machine, "s")
    assert machine.abort("s", wait=0).state == "running"
    assert machine.wait_for_end("s").state == "aborted"
    assert not tree.alive()


def test_abort_and_start_at_once_agree(machine: Machine) -> None:
    for number in range(8):
        name = f"s{number}"
        call = machine.begin(name, f"echo ran >>{name}.runs; sleep 600", wait=20)
        time.sleep(number * 0.012)
        aborted = machine.abort(name)
        assert (aborted.state, aborted.verified) == ("aborted", True)
        assert call.reply().state in {"aborted", "running"}
        assert machine.wait_for_end(name).state == "aborted"
    wait_until(lambda: not machine.processes())
