"""A session whose supervisor is gone is lost, not running; abort still ends what it left."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from tests.integration.keeper.machine import wait_until
from tests.integration.keeper.trees import ALL, STRAY, Tree

if TYPE_CHECKING:
    from tests.integration.keeper.machine import Machine


def _lose(machine: Machine, name: str) -> None:
    record = (machine.session(name) / "supervisor").read_text().split()
    os.kill(int(record[0]), signal.SIGKILL)
    wait_until(lambda: machine.poll(name).state == "lost")


def test_a_killed_supervisor_loses_the_session_and_abort_ends_it(any_machine: Machine) -> None:
    tree = Tree(ALL)
    tree.start(any_machine, "s", deadline=60)
    _lose(any_machine, "s")
    assert tree.alive()
    reply = any_machine.abort("s")
    assert (reply.state, reply.verified) == ("lost", True)
    assert not tree.alive()
    wait_until(lambda: not any_machine.processes())


def test_what_slipped_away_from_a_lost_session_makes_the_abort_unverified(
    any_machine: Machine,
) -> None:
    tree = Tree(STRAY)
    tree.start(any_machine, "s")
    _lose(any_machine, "s")
    reply = any_machine.abort("s")
    assert (reply.state, reply.verified) == ("lost", False)


def test_another_boot_of_the_machine_loses_the_session(machine: Machine) -> None:
    tree = Tree("SLEEP &")
    tree.start(machine, "s")
    record = machine.session("s") / "supervisor"
    pid, birth, _ = record.read_text().split()
    record.write_text(f"{pid} {birth} 00000000-0000-0000-0000-000000000000\n")
    assert machine.poll("s").state == "lost"
    reply = machine.abort("s")
    assert (reply.state, reply.verified) == ("lost", True)


def test_what_was_claimed_before_a_restart_may_have_run(machine: Machine) -> None:
    for name in ("polled", "aborted"):
        machine.run(name, "echo ran >>runs")
        session = machine.session(name)
        pid, birth, _boot = (session / "claim").read_text().split()[:3]
        (session / "claim").write_text(f"{pid} {birth} 00000000-0000-0000-0000-000000000000\n")
        for record in ("supervisor", "end"):  # as after a power loss
            (session / record).unlink()
    assert machine.poll("polled").state == "lost"
    reply = machine.abort("aborted")
    assert (reply.state, reply.never) == ("lost", False)
    assert machine.start("polled", "echo ran >>runs", wait=1).state == "lost"
    assert (machine.home / "runs").read_text() == "ran\nran\n"


def test_another_process_with_the_supervisors_pid_is_not_it(machine: Machine) -> None:
    Tree("SLEEP &").start(machine, "s")
    record = machine.session("s") / "supervisor"
    pid, birth, boot = record.read_text().split()
    record.write_text(f"{pid} {int(birth) - 1} {boot}\n")
    assert machine.poll("s").state == "lost"


def test_output_up_to_the_loss_is_kept(machine: Machine) -> None:
    Tree("SLEEP &").start(machine, "s")
    _lose(machine, "s")
    assert machine.poll("s").out == b"up\n"
