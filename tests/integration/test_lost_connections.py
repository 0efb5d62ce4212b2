"""Connections that break while a command runs: it runs exactly once, and its end is still told.

By command line on one machine, by Python on another, at the same time.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.doors import DONE, Result, Told, only_result, told, told_by_both
from tests.integration.vm_processes import left_on, wait_until
from tests.lab import Fault, Vm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future, ThreadPoolExecutor

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Lab

REATTACHED = replace(DONE, attempts=2)
LOST = Told(outcome="FAILURE", reason="lost_contact", attempts=2)

UNTIL_TOLD = (
    "mktemp run-XXXXXX >/dev/null; echo before;"
    " while [ ! -e finish ]; do sleep 0.1; done; echo after"
)
BOTH_LINES = "before\nafter\n"


@pytest.fixture
def vms(lab: Lab) -> Iterator[tuple[Vm, Vm]]:
    """Two machines without traces of earlier tests, whole again after this one."""
    pair = (lab.vms["macmini"], lab.vms["epyc6"])
    for vm in pair:
        for trace in (*vm.home.glob("run-*"), *vm.home.glob("finish")):
            trace.unlink()
    yield pair
    for vm in pair:
        vm.heal()


def runs(vm: Vm) -> int:
    """How often the command has begun."""
    return len(list(vm.home.glob("run-*")))


def break_midway(
    pool: ThreadPoolExecutor, here: Dispatcher, vms: tuple[Vm, Vm], break_it: Callable[[Vm], None]
) -> Future[tuple[Result, Result]]:
    """Run UNTIL_TOLD on both machines, and break each while a client waits for its output."""

    def break_in_a_poll(vm: Vm) -> None:
        wait_until(lambda: runs(vm) == 1, 60, "the command runs")
        earlier = polls(vm)
        wait_until(lambda: bool(polls(vm) - earlier), 30, "the client has just begun to wait")
        break_it(vm)

    names = (vms[0].name, vms[1].name)
    asked = pool.submit(lambda: told_by_both(here, UNTIL_TOLD, hosts=names, timeout=120))
    for broken in [pool.submit(break_in_a_poll, vm) for vm in vms]:
        broken.result()
    return asked


def polls(vm: Vm) -> set[str]:
    """The marks of the calls that serve a waiting client; each poll is several processes."""
    calls = [left.command.partition(" poll mark=")[2] for left in left_on(vm)]
    return {call.split()[0] for call in calls if call}


def finish(vms: tuple[Vm, Vm]) -> None:
    """Let the commands end."""
    for vm in vms:
        (vm.home / "finish").touch()


BREAKS = {"a reset by the network": Vm.cut_now, "a killed sshd": Vm.kill_sessions}


@pytest.mark.engines
@pytest.mark.parametrize("break_it", BREAKS.values(), ids=BREAKS)
def test_a_broken_connection_is_taken_up_again(
    here: Dispatcher, vms: tuple[Vm, Vm], pool: ThreadPoolExecutor, break_it: Callable[[Vm], None]
) -> None:
    asked = break_midway(pool, here, vms, break_it)
    finish(vms)
    for result, vm in zip(asked.result(), vms, strict=True):
        assert told(result) == REATTACHED
        assert (result["stdout"], runs(vm)) == (BOTH_LINES, 1)


@pytest.mark.resident
def test_a_command_whose_connection_stays_lost_goes_on_and_can_be_read_later(
    here: Dispatcher, vms: tuple[Vm, Vm], pool: ThreadPoolExecutor
) -> None:
    def break_for_good(vm: Vm) -> None:
        vm.fault(Fault.REFUSE)
        vm.cut_now()

    results = break_midway(pool, here, vms, break_for_good).result()
    finish(vms)
    for result, vm in zip(results, vms, strict=True):
        assert told(result) == LOST
        assert f"dx-dispatch --logs {result['session_id']}" in result["error"]
        vm.heal()
        answer = here.run("--logs", result["session_id"], "--json")
        assert (answer.code, answer.result["outcome"]) == (0, "SUCCESS")
        assert (answer.result["stdout"], runs(vm)) == (BOTH_LINES, 1)


@pytest.mark.long
@pytest.mark.resident
def test_a_connection_that_stalls_is_given_up_and_taken_up_again(
    here: Dispatcher, vms: tuple[Vm, Vm], pool: ThreadPoolExecutor
) -> None:
    def heal_at_the_next_attempt(vm: Vm) -> None:
        before = vm.connections
        vm.fault(Fault.STALL)
        wait_until(lambda: vm.connections > before, 60, "there is a second attempt")
        vm.heal()

    asked = break_midway(pool, here, vms, heal_at_the_next_attempt)
    finish(vms)
    for result, vm in zip(asked.result(), vms, strict=True):
        assert told(result) == REATTACHED
        assert (result["stdout"], runs(vm)) == (BOTH_LINES, 1)


@pytest.mark.long
@pytest.mark.resident
def test_a_connection_that_stalls_for_good_is_lost(
    here: Dispatcher, vms: tuple[Vm, Vm], pool: ThreadPoolExecutor
) -> None:
    results = break_midway(pool, here, vms, lambda vm: vm.fault(Fault.STALL)).result()
    finish(vms)
    assert [told(result) for result in results] == [LOST, LOST]


CUTS = [
    {"up": 0}, {"up": 2000}, {"up": 6000}, {"up": 30_000}, {"up": 70_000},
    {"down": 1}, {"down": 1800}, {"down": 3500}, {"down": 20_000}, {"down": 200_000},
]  # fmt: skip
"""Bytes: from before the first, through ssh's handshake and our script's upload, to the output."""


def long_both_ways() -> str:
    """Return a command of 100 kB that ssh can't compress, with more output than that."""
    return (
        "mktemp run-XXXXXX >/dev/null; for n in 1 2 3 4; do head -c 75000 /dev/urandom | base64;"
        f" sleep 0.2; done; echo all; : {secrets.token_urlsafe(75_000)}"
    )


@pytest.mark.resident
@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_a_cut_at_any_byte_costs_one_attempt_and_no_second_run(
    here: Dispatcher, vms: tuple[Vm, Vm], cut: dict[str, int]
) -> None:
    for vm in vms:
        vm.cut_after(**cut)
    results = told_by_both(here, long_both_ways(), hosts=(vms[0].name, vms[1].name))
    for result, vm in zip(results, vms, strict=True):
        assert told(result) == REATTACHED
        assert (result["stdout"][-5:], runs(vm)) == ("\nall\n", 1)
        assert len(result["stdout"]) > 400_000


@pytest.mark.resident
def test_a_connection_cut_more_often_than_the_attempts_allow_is_lost(
    here: Dispatcher, vms: tuple[Vm, Vm]
) -> None:
    for vm in vms:
        vm.cut_after(down=20_000, times=2)
    results = told_by_both(here, long_both_ways(), hosts=(vms[0].name, vms[1].name))
    assert [told(result) for result in results] == [LOST, LOST]
    for result, vm in zip(results, vms, strict=True):
        answer = here.run("--logs", result["session_id"], "--json")
        assert (answer.code, runs(vm)) == (0, 1)
        assert len(answer.result["stdout"]) > 400_000


def ssh_processes(user: Dispatcher) -> list[int]:
    """The ssh clients of a user's calls, and the live connections that they left behind."""
    own = str(user.home).encode()
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes()
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        if words.startswith(b"ssh") and own in words + environment:
            found.append(int(entry.name))
    return found


@pytest.mark.engines
def test_a_killed_ssh_is_a_lost_connection(user: Dispatcher, vms: tuple[Vm, Vm]) -> None:
    vm, _ = vms
    with user.start(vm.name, "--exec", UNTIL_TOLD, "--json") as client:
        wait_until(lambda: runs(vm) == 1, 60, "the command runs")
        wait_until(lambda: bool(polls(vm)), 60, "the client waits for news")
        killed = ssh_processes(user)
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        wait_until(
            lambda: bool(set(ssh_processes(user)) - set(killed)), 60, "there is a second attempt"
        )
        (vm.home / "finish").touch()
        out, err = client.communicate(timeout=60)
    result = only_result(json.loads(out), client.returncode)
    assert told(result) == REATTACHED
    assert (result["stdout"], runs(vm)) == (BOTH_LINES, 1)
    assert err.count(b"retry host=") == 1


@pytest.mark.engines
def test_a_connection_may_be_lost_as_often_as_the_vm_is_reached_in_between(
    user: Dispatcher, vms: tuple[Vm, Vm]
) -> None:
    vm, _ = vms
    with user.start(vm.name, "--exec", UNTIL_TOLD, "--retries", "1", "--json") as client:
        wait_until(lambda: runs(vm) == 1, 60, "the command runs")
        for _ in range(3):
            earlier = polls(vm)
            wait_until(lambda: bool(polls(vm) - earlier), 60, "the client waits for news")  # noqa: B023
            earlier = polls(vm)
            wait_until(lambda: bool(polls(vm) - earlier), 60, "it has had an answer")  # noqa: B023
            vm.cut_now()
        (vm.home / "finish").touch()
        out, _ = client.communicate(timeout=120)
    result = only_result(json.loads(out), client.returncode)
    assert told(result) == replace(DONE, attempts=4)
    assert (result["stdout"], runs(vm)) == (BOTH_LINES, 1)
