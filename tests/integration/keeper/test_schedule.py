"""A command that is to start later starts then, once, and without its client."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from tests.integration.keeper.machine import wait_until

if TYPE_CHECKING:
    from tests.integration.keeper.machine import Machine

LATER = 3600


def test_it_starts_when_its_time_has_come_and_not_before(machine: Machine) -> None:
    began = time.monotonic()
    reply = machine.start("s", "date +%s; exit 3", delay=3, wait=30, deadline=60)
    assert reply.state in {"scheduled", "running", "exited"}
    ended = machine.wait_for_end("s")
    assert time.monotonic() - began > 2.5
    assert (ended.state, ended.code, ended.never) == ("exited", 3, False)
    assert not (machine.session("s") / "due").exists()
    assert not (machine.session("s") / "sleeper").exists()
    assert b"never=no" in machine.ask("list", id="s")


def test_until_then_it_is_scheduled(machine: Machine) -> None:
    reply = machine.start("s", "touch ran", delay=LATER, wait=30, deadline=60)
    assert reply.state == "scheduled"
    assert reply.starts is not None
    assert LATER - 120 < reply.starts <= LATER
    assert machine.poll("s").state == "scheduled"
    assert b" state=scheduled " in machine.ask("list", id="s")
    assert machine.start("s", "touch ran", delay=LATER).state == "scheduled"


def test_an_abort_ends_it_before_it_starts(machine: Machine) -> None:
    machine.start("s", "touch ran", delay=LATER)
    sleeping = machine.session("s") / "sleeper"
    wait_until(sleeping.exists)
    reply = machine.abort("s")
    assert (reply.state, reply.verified, reply.never) == ("aborted", True, True)
    wait_until(lambda: not machine.processes())
    assert not (machine.session("s") / "command").exists()
    assert not (machine.home / "ran").exists()
    assert machine.start("s", "touch ran").state == "aborted"


def test_without_its_supervisor_it_has_not_started_and_never_does(machine: Machine) -> None:
    machine.start("s", "touch ran", delay=LATER)
    sleeping = machine.session("s") / "sleeper"
    wait_until(lambda: sleeping.exists() and sleeping.read_text().endswith("\n"))
    pid = int(sleeping.read_text().split()[0])
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: machine.poll("s").state != "scheduled")
    reply = machine.poll("s")
    assert (reply.state, reply.never) == ("unstarted", True)
    assert machine.start("s", "touch ran").state == "unstarted"
    assert not (machine.home / "ran").exists()


def test_a_shutdown_of_the_machine_ends_it_unstarted(machine: Machine) -> None:
    machine.start("s", "touch ran", delay=LATER)
    sleeping = machine.session("s") / "sleeper"
    wait_until(lambda: sleeping.exists() and sleeping.read_text().endswith("\n"))
    os.kill(int(sleeping.read_text().split()[0]), signal.SIGTERM)
    assert machine.wait_for_end("s").state == "unstarted"
    wait_until(lambda: not machine.processes())
    assert not (machine.home / "ran").exists()
