"""A command finds its signals as a login shell would: none ignored, none blocked."""

from __future__ import annotations

import shutil
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.keeper.machine import Machine

ASK = "grep -E 'Sig(Ign|Blk)' /proc/self/status; ps -o pid=,pgid=,sid= -p $$"
TOOLS = {
    *("awk", "cat", "date", "dd", "find", "grep", "head", "id", "ln", "mkdir", "mkfifo", "mv"),
    *("perl", "ps", "rm", "sed", "sh", "sleep", "tail", "tr", "wc"),
}
"""All that the keeper needs where there is no setsid, and no env that can reset signals: macOS."""


@pytest.fixture(autouse=True)
def _ignored() -> Iterator[None]:
    """The caller ignores what nohup, background jobs and Python ignore."""
    numbers = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def _env_resets_signals(machine: Machine) -> bool:
    program = shutil.which("env", path=machine.path)
    assert program
    command = [program, "--default-signal", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _ask(machine: Machine) -> tuple[list[int], set[str]]:
    *signals, ids = machine.run("s", ASK).out.decode().splitlines()
    return [int(line.split()[1], 16) for line in signals], set(ids.split())


def test_signals_are_at_their_defaults_in_a_session_of_its_own(machine: Machine) -> None:
    if not _env_resets_signals(machine):
        pytest.skip("env has no --default-signal")
    signals, ids = _ask(machine)
    assert signals == [0, 0]
    assert len(ids) == 1


@pytest.mark.skipif(shutil.which("perl") is None, reason="perl is not installed")
def test_perl_does_it_where_setsid_and_env_cannot(machine: Machine) -> None:
    tools = machine.home / "tools"
    tools.mkdir()
    for name in TOOLS:
        (tools / name).symlink_to(shutil.which(name) or name)
    machine.variables["PATH"] = str(tools)
    signals, ids = _ask(machine)
    assert signals == [0, 0]
    assert len(ids) == 1
    assert machine.run("t", "sleep 60", deadline=0.5).verified
