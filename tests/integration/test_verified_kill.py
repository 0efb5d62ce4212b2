"""A timeout or an abort returns when the command's processes are gone, or says it can't be sure."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.vm_processes import (
    Left,
    abort_arrived,
    bystander,
    lives,
    sweep,
    wait_until,
    work_on,
)
from tests.lab import processes

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Vm

pytestmark = pytest.mark.resident

DEADLINE = 2.0
"""Seconds that a command gets; each has long made its processes by then."""
PROMPT = 5.0
"""Seconds after the deadline or the abort in which everything has to be gone."""

READY = "echo >ready"
SLEEP = "sleep 31415"

TREES = {
    "plain children": f"{SLEEP} & {SLEEP} & {READY}; {SLEEP}",
    "processes that ignore TERM": (
        f"trap '' TERM INT HUP; (while :; do {SLEEP}; done) & {READY}; while :; do {SLEEP}; done"
    ),
    "a session of its own": f"setsid sh -c '{SLEEP} & {READY}; {SLEEP}' & wait",
    "nohup": f"nohup sh -c '{SLEEP}; :' >/dev/null 2>&1 & nohup {SLEEP} & {READY}; wait",
    "a double fork": (
        f"({SLEEP} &); (setsid sh -c '({SLEEP} &); {SLEEP}' >/dev/null 2>&1 &); {READY}; {SLEEP}"
    ),
    "a job that holds standard output open": (
        f"(setsid sh -c '{SLEEP}; echo late' &); (trap '' TERM; {SLEEP}) & {READY}; {SLEEP}"
    ),
    "several shells and python": (
        f"sh -c '{SLEEP}; :' & bash -c '{SLEEP}; :' & python3 -c \"import subprocess as s; "
        f"s.run('{SLEEP}'.split(), start_new_session=True)\" & {READY}; wait"
    ),
    "a cleared environment below a living parent": f"env -i {SLEEP} & {READY}; wait",
    "a stopped process": f"{SLEEP} & kill -STOP $!; {READY}; wait",
}

CHAIN = (
    "hop() { sleep 0.01; echo >>hops; [ -e enough ] || hop & }; trap '' TERM; hop &"
    f" {READY}; {SLEEP}"
)
"""Every hundredth of a second another process takes over from its parent, which ends."""

RUNAWAY = (
    'export HOP=\'trap "" TERM; sleep 0.01; [ -e enough ] || setsid sh -c "$HOP" &\';'
    f' sh -c "$HOP"; {READY}; {SLEEP}'
)
"""The same, each in a session of its own."""

ESCAPE = f"env -i setsid sh -c '{SLEEP} &' </dev/null >/dev/null 2>&1; {READY}; {SLEEP}"
"""Leaves the session, the parentage, the environment and the streams: nothing tells whose it is."""


@dataclass(frozen=True, slots=True)
class _Stopped:
    result: dict[str, Any]
    code: int
    left: list[Left]
    """What still ran PROMPT seconds after the deadline or the abort."""


@pytest.fixture
def machine(epyc6: Vm) -> Iterator[Vm]:
    """A VM on which no command runs, before and after."""
    _forget(epyc6)
    yield epyc6
    (epyc6.home / "enough").touch()
    sweep(epyc6)
    _forget(epyc6)


def _forget(vm: Vm) -> None:
    for name in ("ready", "hops", "enough"):
        (vm.home / name).unlink(missing_ok=True)


def _stop(user: Dispatcher, vm: Vm, command: str, how: str) -> _Stopped:
    timeout = DEADLINE if how == "TIMEOUT" else 600
    with user.start("epyc6", "--exec", command, "--json", "--timeout", str(timeout)) as client:
        wait_until((vm.home / "ready").exists, 30, "the command runs")
        if how == "ABORTED":
            assert work_on(vm)
            os.killpg(client.pid, signal.SIGINT)
            wait_until(lambda: _abort_is_seen(vm, client), 60, "the VM hears of the abort")
        due = time.monotonic() + (DEADLINE if how == "TIMEOUT" else 0)
        left = _left_at(vm, due + PROMPT)
        out, _ = client.communicate(timeout=60)
        still = work_on(vm)
    (result,) = json.loads(out)["results"]
    if result["stop_verified"]:
        assert still == []
    return _Stopped(result, client.returncode, left)


def _abort_is_seen(vm: Vm, client: subprocess.Popen[bytes]) -> bool:
    return abort_arrived(vm) or not work_on(vm) or client.poll() is not None


def _left_at(vm: Vm, end: float) -> list[Left]:
    while (left := work_on(vm)) and time.monotonic() < end:
        time.sleep(0.05)
    return left


@pytest.mark.sampled("how")
@pytest.mark.parametrize("how", ["TIMEOUT", "ABORTED"])
@pytest.mark.parametrize("command", TREES.values(), ids=TREES)
def test_no_process_is_left(user: Dispatcher, machine: Vm, command: str, how: str) -> None:
    stopped = _stop(user, machine, command, how)
    assert stopped.left == []
    assert (stopped.result["outcome"], stopped.result["stop_verified"]) == (how, True)
    assert stopped.code == {"TIMEOUT": 124, "ABORTED": 130}[how]


@pytest.mark.parametrize("how", ["TIMEOUT", "ABORTED"])
def test_a_chain_of_forks_is_not_outrun(user: Dispatcher, machine: Vm, how: str) -> None:
    stopped = _stop(user, machine, CHAIN, how)
    assert stopped.left == []
    assert (stopped.result["outcome"], stopped.result["stop_verified"]) == (how, True)
    assert (machine.home / "hops").stat().st_size > 5


@pytest.mark.parametrize("how", ["TIMEOUT", "ABORTED"])
def test_bystanders_survive_a_stop(user: Dispatcher, machine: Vm, how: str) -> None:
    with bystander(machine) as earlier:
        command = TREES["a double fork"]
        timeout = DEADLINE if how == "TIMEOUT" else 600
        client = user.start("epyc6", "--exec", command, "--json", "--timeout", str(timeout))
        wait_until((machine.home / "ready").exists, 30, "the command runs")
        with client, bystander(machine) as later:
            if how == "ABORTED":
                client.send_signal(signal.SIGINT)
            out, _ = client.communicate(timeout=60)
            (result,) = json.loads(out)["results"]
            assert lives(earlier)
            assert lives(later)
            assert (result["outcome"], result["stop_verified"]) == (how, True)
    assert work_on(machine) == []


@pytest.mark.parametrize("how", ["TIMEOUT", "ABORTED"])
def test_what_escapes_makes_the_stop_unverified(user: Dispatcher, machine: Vm, how: str) -> None:
    stopped = _stop(user, machine, ESCAPE, how)
    assert stopped.left
    assert (stopped.result["outcome"], stopped.result["stop_verified"]) == (how, False)
    assert "may still be running" in stopped.result["error"]


@pytest.mark.parametrize("how", ["TIMEOUT", "ABORTED"])
def test_a_process_that_hides_its_environment_is_never_called_gone(
    user: Dispatcher, machine: Vm, how: str
) -> None:
    command = f"ssh-agent >/dev/null 2>&1; {READY}; {SLEEP}"
    stopped = _stop(user, machine, command, how)
    assert stopped.result["outcome"] == how
    assert not (stopped.result["stop_verified"] and work_on(machine))


@pytest.mark.directed
@pytest.mark.parametrize("how", ["TIMEOUT", "ABORTED"])
def test_what_a_setuid_helper_has_started_is_named(user: Dispatcher, machine: Vm, how: str) -> None:
    helper = machine.home / "helper"  # as sudo does
    shutil.copy("/usr/bin/setpriv", helper)
    helper.chmod(0o4755)
    naps = f"87{secrets.randbelow(10**8):08}"
    roots = "./helper --reuid=0 --regid=0 --clear-groups env -i setsid sh -c"
    command = f"{roots} 'sleep {naps} &' </dev/null >/dev/null 2>&1; {READY}; {SLEEP}"
    try:
        stopped = _stop(user, machine, command, how)
        assert processes.running(naps)
        assert (stopped.result["outcome"], stopped.result["stop_verified"]) == (how, False)
        assert "(sleep of root)" in stopped.result["error"]
    finally:
        helper.unlink()
        processes.kill(processes.running(naps))


@pytest.mark.directed
def test_an_abort_ends_what_an_ended_command_has_left(user: Dispatcher, machine: Vm) -> None:
    ended = user.run("epyc6", "--exec", f"{SLEEP} & echo started; exit 3", "--json").result
    assert (ended["left_running"], len(work_on(machine))) == (1, 1)
    answer = user.run("--abort", ended["session_id"], "--json")
    assert work_on(machine) == []
    assert (answer.code, answer.result["outcome"], answer.result["exit_code"]) == (0, "FAILURE", 3)
    assert (answer.result["stop_verified"], answer.result["left_running"]) == (True, 0)
    assert "stopped 1 process(es) that it had left running" in answer.result["error"]
    again = user.run("--abort", ended["session_id"], "--json")
    assert (again.code, again.result["stop_verified"]) == (0, True)


def test_an_endless_supply_of_new_sessions_is_never_wrongly_called_gone(
    user: Dispatcher, machine: Vm
) -> None:
    stopped = _stop(user, machine, RUNAWAY, "TIMEOUT")
    assert not (stopped.result["stop_verified"] and work_on(machine))


def test_a_job_left_behind_on_purpose_is_counted_and_lives_on(
    user: Dispatcher, machine: Vm
) -> None:
    answer = user.run("epyc6", "--exec", f"{SLEEP} & echo started", "--json")
    assert (answer.code, answer.result["stdout"]) == (0, "started\n")
    assert answer.result["left_running"] == 1
    assert [left.command for left in work_on(machine)] == [SLEEP]
