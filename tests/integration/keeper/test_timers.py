"""A timer looks at the clock, and one that somebody kills is replaced."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.keeper.machine import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.keeper.machine import Machine

WAITS = "echo up; while [ ! -e go ]; do sleep 0.1; done; echo done; exit 7"


def _supervisor(machine: Machine) -> int:
    return int((machine.session("s") / "supervisor").read_text().split()[0])


def _children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _timers(machine: Machine) -> list[int]:
    """Return the supervisor's children that are neither the command nor have one of its streams."""
    leader = int((machine.session("s") / "leader").read_text().split()[0])
    found = []
    for pid in _children(_supervisor(machine)):
        with suppress(OSError):
            if pid != leader and str(Path(f"/proc/{pid}/fd/0").readlink()) == "/dev/null":
                found.append(pid)
    return found


def _sleeps(machine: Machine) -> list[int]:
    """Return what the timers wait for, and nothing that the supervisor runs once it stops."""
    found = []
    for pid in [pid for timer in _timers(machine) for pid in _children(timer)]:
        with suppress(OSError):
            if Path(f"/proc/{pid}/comm").read_text() == "sleep\n":
                found.append(pid)
    return found


def _kill(pids: list[int], number: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _begin(machine: Machine, **options: object) -> float:
    began = time.monotonic()
    assert machine.start("s", WAITS, wait=20, **options).out == b"up\n"
    wait_until(lambda: _sleeps(machine))
    return began


def _until_it_ends(machine: Machine, began: float) -> Iterator[float]:
    while not (machine.session("s") / "end").exists():
        seconds = time.monotonic() - began
        assert seconds < 60, "it never ends"
        yield seconds
        time.sleep(0.1)


def test_a_timer_whose_sleep_ends_early_goes_on_to_the_deadline(any_machine: Machine) -> None:
    began = _begin(any_machine, deadline=3)
    for _ in _until_it_ends(any_machine, began):
        _kill(_sleeps(any_machine), signal.SIGTERM)
    assert time.monotonic() - began >= 3
    assert any_machine.poll("s").state == "timeout"


def test_silence_is_measured_by_the_clock_too(machine: Machine) -> None:
    began = _begin(machine, idle=3, deadline=600)
    for _ in _until_it_ends(machine, began):
        _kill(_sleeps(machine), signal.SIGTERM)
    assert time.monotonic() - began >= 3
    assert machine.poll("s").state == "idle"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_timer_is_replaced(any_machine: Machine, number: int) -> None:
    began = _begin(any_machine, deadline=4, idle=600)
    timers = _timers(any_machine)
    _kill(timers, number)
    wait_until(lambda: len(set(_timers(any_machine)) - set(timers)) == len(timers))
    assert any_machine.wait_for_end("s").state == "timeout"
    assert time.monotonic() - began >= 4
    wait_until(lambda: not any_machine.processes())


def test_the_deadline_comes_however_often_all_timers_are_killed(machine: Machine) -> None:
    began = _begin(machine, deadline=4, idle=600)
    for seconds in _until_it_ends(machine, began):
        if seconds < 4:
            _kill([*_timers(machine), *_sleeps(machine)], signal.SIGKILL)
    assert time.monotonic() - began >= 4
    assert machine.poll("s").state == "timeout"
    wait_until(lambda: not machine.processes())


def test_a_command_whose_timers_are_killed_ends_with_its_own_code(machine: Machine) -> None:
    _begin(machine, deadline=600, idle=600)
    for _ in range(20):
        _kill([*_sleeps(machine), *_timers(machine)], signal.SIGKILL)
        time.sleep(0.05)
    (machine.home / "go").touch()
    reply = machine.follow("s")
    assert (reply.state, reply.code, reply.out) == ("exited", 7, b"up\ndone\n")
    wait_until(lambda: not machine.processes())


@pytest.mark.parametrize("code", [0, 1, 127, 128, 145, 151, 255])
def test_every_exit_code_is_told_as_it_is(machine: Machine, code: int) -> None:
    for name, before in (("soon", ""), ("later", "sleep 0.3;")):
        assert machine.run(name, f"{before} exit {code}", deadline=600, idle=600).code == code
