"""At the deadline or on abort every process of the session ends, and nobody else's."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.integration.keeper.machine import wait_until
from tests.integration.keeper.trees import ALL, TREES, Tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.keeper.crowd import Crowd
    from tests.integration.keeper.machine import Machine

DEADLINE = 0.7
PROMPT = 5
"""Seconds after the deadline in which everything is gone."""


@pytest.fixture
def decoy() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes of the same user that have nothing to do with it."""
    decoys: list[subprocess.Popen[bytes]] = []
    yield decoys
    for process in decoys:
        process.kill()
        process.wait()


def _seconds(machine: Machine, name: str) -> float:
    """Return how long a session took, by the files that it left."""
    times = [(machine.session(name) / file).stat().st_mtime for file in ("leader", "end")]
    return times[1] - times[0]


def _decoy() -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "86400"], start_new_session=True)


@pytest.mark.sampled("machine", "any_machine")
@pytest.mark.parametrize("kind", TREES)
def test_the_deadline_ends_everything(any_machine: Machine, crowd: Crowd, kind: str) -> None:
    tree = Tree(TREES[kind])
    any_machine.start("s", tree.command, deadline=DEADLINE)
    reply = any_machine.wait_for_end("s")
    assert not tree.alive()
    assert (reply.state, reply.code, reply.verified) == ("timeout", None, True)
    assert _seconds(any_machine, "s") < DEADLINE + crowd.stretched(PROMPT)


def test_abort_ends_everything_and_nobody_elses(
    any_machine: Machine, crowd: Crowd, decoy: list[subprocess.Popen[bytes]]
) -> None:
    decoy.append(_decoy())
    tree, other = Tree(ALL), Tree("SLEEP &")
    tree.start(any_machine, "s")
    other.start(any_machine, "s2")
    decoy.append(_decoy())
    began = time.time()
    reply = any_machine.abort("s")
    assert not tree.alive()
    assert (reply.state, reply.code, reply.verified) == ("aborted", None, True)
    assert (any_machine.session("s") / "end").stat().st_mtime - began < crowd.stretched(PROMPT)
    assert [process.poll() for process in decoy] == [None, None]
    assert other.alive()
    assert any_machine.poll("s2").state == "running"


def test_a_supervisor_that_is_told_to_end_takes_its_command_along(machine: Machine) -> None:
    tree = Tree("SLEEP & setsid SLEEP &")
    tree.start(machine, "s")
    os.kill(int((machine.session("s") / "supervisor").read_text().split()[0]), signal.SIGTERM)
    reply = machine.wait_for_end("s")
    assert (reply.state, reply.verified) == ("killed", True)
    assert not tree.alive()


def test_what_ends_at_once_is_not_waited_for(machine: Machine) -> None:
    tree = Tree("SLEEP &")
    tree.start(machine, "s", grace=60)
    assert machine.abort("s").verified


def test_term_comes_first_so_that_a_command_can_tidy_up(machine: Machine) -> None:
    command = "trap 'sleep 0.3; echo tidy; exit' TERM; echo up; while :; do sleep 0.1; done"
    machine.start("s", command, deadline=1, wait=10)
    reply = machine.follow("s")
    assert (reply.state, reply.verified, reply.out) == ("timeout", True, b"up\ntidy\n")


def test_a_deadline_may_be_a_fraction_of_a_second(machine: Machine) -> None:
    assert machine.run("s", "sleep 60", deadline=0.3).state == "timeout"


def test_an_exit_in_time_is_no_timeout(machine: Machine) -> None:
    reply = machine.run("s", "sleep 1; exit 5", deadline=60)
    assert (reply.state, reply.code) == ("exited", 5)


def test_a_job_that_the_command_left_behind_survives_its_deadline(machine: Machine) -> None:
    tree = Tree("")
    reply = machine.run("s", tree.command.replace("; wait", " & exit 5"), deadline=1.5)
    assert (reply.state, reply.code, reply.left) == ("exited", 5, 1)
    time.sleep(1.5)
    assert tree.alive()
    assert machine.poll("s").state == "exited"


def test_a_session_that_was_started_by_the_command_is_not_a_part_of_it(machine: Machine) -> None:
    inner = Tree("SLEEP &")
    (machine.home / "inner").write_text(inner.command)
    start = f"{machine.shell} keeper.sh start id={machine.prefix}inner"
    start += " length=$(wc -c <inner) wait=9"
    machine.start("outer", f"{start} <inner; sleep 60", wait=9)
    wait_until(inner.alive)
    wait_until(lambda: machine.poll("inner").state == "running")
    assert machine.abort("outer").verified
    assert inner.alive()
    assert machine.abort("inner").verified
    assert not inner.alive()
