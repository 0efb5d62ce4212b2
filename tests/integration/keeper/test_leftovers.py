"""What stays after a command has ended, and what doesn't."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.integration.keeper.machine import wait_until
from tests.integration.keeper.trees import Tree

if TYPE_CHECKING:
    from tests.integration.keeper.machine import Machine


def test_a_job_that_holds_the_streams_delays_the_end_by_a_second_or_so(machine: Machine) -> None:
    tree = Tree("")
    command = tree.command.replace("; wait", " & date +%s >ended; exit 4")
    reply = machine.run("s", command)
    recorded = (machine.session("s") / "end").stat().st_mtime
    assert recorded - int((machine.home / "ended").read_text()) < 5
    assert (reply.state, reply.code, reply.left) == ("exited", 4, 1)
    assert tree.alive()


def test_such_a_job_can_go_on_writing(machine: Machine) -> None:
    command = "(while [ ! -e go ]; do sleep 0.1; done; echo late; echo late >done) & echo first"
    reply = machine.run("s", command)
    assert reply.out == b"first\n"
    assert reply.left >= 1
    (machine.home / "go").touch()
    wait_until((machine.home / "done").exists)
    wait_until(lambda: not machine.processes())
    assert machine.poll("s").out_total == len("first\n")


def test_a_job_without_streams_is_counted_too(machine: Machine) -> None:
    tree = Tree("")
    command = tree.command.replace("; wait", " </dev/null >/dev/null 2>&1 &")
    assert machine.run("s", command).left == 1
    assert tree.alive()


def test_a_start_returns_while_its_command_runs_on(machine: Machine) -> None:
    tree = Tree("SLEEP &")
    reply = machine.start("s", tree.command, wait=0)
    assert reply.state in {"starting", "running"}
    wait_until(tree.alive)


def test_thirty_quick_commands_leave_no_process(machine: Machine) -> None:
    for number in range(30):
        reply = machine.run(f"s{number}", "echo hi", deadline=77)
        assert (reply.state, reply.code, reply.out) == ("exited", 0, b"hi\n")
    wait_until(lambda: not machine.processes())


def test_a_stop_leaves_no_process_either(any_machine: Machine) -> None:
    Tree("SLEEP &").start(any_machine, "s", deadline=77)
    any_machine.abort("s")
    any_machine.run("t", "sleep 60", deadline=1)
    wait_until(lambda: not any_machine.processes())


def test_a_job_that_ends_with_the_command_is_not_left(machine: Machine) -> None:
    reply = machine.run("s", "(sleep 0.1; echo late) & echo first")
    assert (reply.out, reply.left) == (b"first\nlate\n", 0)
