"""A command from a file shows in no process list, and leaves its text in no file."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

import pytest

from tests.integration.traces import (
    files_with,
    private_directories,
    processes_with,
    running_for,
)
from tests.integration.vm_processes import wait_until, work_on

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Vm

pytestmark = [pytest.mark.engines, pytest.mark.newcomer, pytest.mark.sampled("user")]

COMMAND = "# CANARY\necho begun >begun; while [ ! -e finish ]; do sleep 0.1; done; echo done\n"


@pytest.fixture
def machine(epyc6: Vm) -> Iterator[Vm]:
    """A VM without traces of earlier commands."""
    _forget(epyc6)
    yield epyc6
    (epyc6.home / "finish").touch()
    wait_until(lambda: not work_on(epyc6), 30, "the command is over")
    _forget(epyc6)


def _forget(vm: Vm) -> None:
    for name in ("begun", "finish"):
        (vm.home / name).unlink(missing_ok=True)


@pytest.fixture(params=["the temporary directory", "XDG_RUNTIME_DIR"])
def private(user: Dispatcher, request: pytest.FixtureRequest) -> Dispatcher:
    """A user whose private files of a run are in the one place or in the other."""
    if request.param == "XDG_RUNTIME_DIR":
        runtime = user.home / "run"
        runtime.mkdir(mode=0o700)
        user.use_runtime_directory(runtime)
    return user


def _start(user: Dispatcher, source: str, canary: str) -> subprocess.Popen[bytes]:
    """Start COMMAND, from a file that is gone before anybody looks for traces."""
    path = user.home / "command"
    path.write_text(COMMAND.replace("CANARY", canary))
    if source == "-":
        with path.open("rb") as text:
            client = user.start("epyc6", "--exec", "--file", "-", "-vv", stdin=text)
    else:
        client = user.start("epyc6", "--exec", "--file", str(path), "-vv")
    return client


def _own_files(user: Dispatcher) -> list[Path]:
    """The private directories of runs that are there."""
    runtime = user.environment.get("XDG_RUNTIME_DIR")
    return private_directories(user.home / "run") if runtime else []


@pytest.mark.parametrize("source", ["PATH", "-"])
def test_a_text_from_a_file_is_in_no_process_list_and_stays_in_no_file(
    private: Dispatcher, machine: Vm, source: str
) -> None:
    canary, since = f"canary{secrets.token_hex(12)}", time.time() - 1
    with _start(private, source, canary) as client:
        wait_until((machine.home / "begun").exists, 30, "the command runs")
        (private.home / "command").unlink()
        assert processes_with(canary) == []
        (on_vm,) = files_with(canary, since=since)
        assert on_vm.is_relative_to(machine.home)
        assert (on_vm.stat().st_mode & 0o777, on_vm.name) == (0o600, "command")
        (machine.home / "finish").touch()
        out, _ = client.communicate(timeout=60)
    assert (client.returncode, out) == (0, b"done\n")
    assert files_with(canary, since=since) == []
    assert processes_with(canary) == []
    assert _own_files(private) == []


def test_kill_9_leaves_the_text_only_with_the_command_while_that_runs(
    private: Dispatcher, machine: Vm
) -> None:
    canary, since = f"canary{secrets.token_hex(12)}", time.time() - 1
    with _start(private, "PATH", canary) as client:
        wait_until((machine.home / "begun").exists, 30, "the command runs")
        client.kill()
    (private.home / "command").unlink()
    wait_until(lambda: not running_for(private), 15, "the killed client's helpers have ended")
    assert processes_with(canary) == []
    (on_vm,) = files_with(canary, since=since)
    assert on_vm.is_relative_to(machine.home)
    assert _own_files(private) == []
    (machine.home / "finish").touch()
    wait_until(lambda: not files_with(canary, since=since), 15, "the text is gone with the command")
