"""A VM whose programs are all busybox's is served like any other."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.vm_processes import left_on, sweep, wait_until, work_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Vm

pytestmark = pytest.mark.resident

SLEEP = "sleep 31416"
TREE = f"{SLEEP} & setsid {SLEEP} >/dev/null 2>&1 & (setsid {SLEEP} &); echo >ready; wait"


@pytest.fixture
def machine(epyc6: Vm) -> Iterator[Vm]:
    """A VM on which a login finds busybox's applets and nothing else."""
    program = shutil.which("busybox")
    assert program, "busybox is not installed"
    applets = epyc6.home / "applets"
    applets.mkdir(exist_ok=True)
    names = subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout
    for name in names.split():
        (applets / name).unlink(missing_ok=True)
        (applets / name).symlink_to(program)
    startup = epyc6.home / ".bashrc"
    startup.write_text(f"PATH={applets}; export PATH SHELL={applets}/sh\n")
    yield epyc6
    startup.unlink()
    (epyc6.home / "ready").unlink(missing_ok=True)
    sweep(epyc6)


@pytest.mark.usefixtures("machine")
def test_a_command_runs_with_its_applets_alone(user: Dispatcher) -> None:
    command = "grep --help 2>&1 | head -n 1; printf 'a\\377'; echo e >&2; exit 3"
    result = user.run("epyc6", "--exec", command, "--json").result
    assert result["outcome"] == "FAILURE"
    assert result["exit_code"] == 3
    assert str(result["stdout"]).startswith("BusyBox v")


def test_what_a_command_leaves_running_is_counted(user: Dispatcher, machine: Vm) -> None:
    command = f"setsid {SLEEP} </dev/null >/dev/null 2>&1 & sleep 0.2; echo started"
    result = user.run("epyc6", "--exec", command, "--json").result
    assert (result["outcome"], result["left_running"]) == ("SUCCESS", 1)
    assert any(SLEEP in left.command for left in left_on(machine))


@pytest.mark.parametrize("how", ["TIMEOUT", "ABORTED"])
def test_nothing_gets_away_from_a_stop(user: Dispatcher, machine: Vm, how: str) -> None:
    limit = "3" if how == "TIMEOUT" else "600"
    with user.start("epyc6", "--exec", TREE, "--json", "--timeout", limit) as client:
        wait_until((machine.home / "ready").exists, 30, "the command runs")
        if how == "ABORTED":
            os.killpg(client.pid, signal.SIGINT)
        out, _ = client.communicate(timeout=120)
    assert f'"outcome": "{how}"'.encode() in out
    assert b'"stop_verified": true' in out
    assert not work_on(machine)


@pytest.mark.usefixtures("machine")
def test_a_listing_and_a_health_check_work(user: Dispatcher) -> None:
    assert user.run("--status", "epyc6", "--json").code == 0
    assert user.run("--sessions", "epyc6", "--json").code == 0
