"""An abort settles a session, whatever state it is in."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.integration.keeper.machine import wait_until
from tests.integration.keeper.trees import Tree

if TYPE_CHECKING:
    from tests.integration.keeper.machine import Machine


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
