"""What runs on a lab VM: the processes of commands, and bystanders that nobody may touch."""

from __future__ import annotations

import pwd
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.lab import processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.lab import Vm

__all__ = [
    "Left",
    "abort_arrived",
    "bystander",
    "forget",
    "left_on",
    "lives",
    "sweep",
    "untraced",
    "wait_until",
    "work_on",
]


@dataclass(frozen=True, slots=True, order=True)
class Left:
    """A process that runs as a VM's user."""

    pid: int
    parent: int
    command: str


@contextmanager
def bystander(vm: Vm) -> Iterator[int]:
    """Run a process of the VM's user that has nothing to do with any command."""
    entry = pwd.getpwnam(vm.user)
    process = subprocess.Popen(
        ["/usr/bin/sleep", "100000"],
        user=entry.pw_uid,
        group=entry.pw_gid,
        extra_groups=[],
        env={"HOME": str(vm.home), "DXLAB_BYSTANDER": "yes"},
        cwd="/",
        start_new_session=True,
    )
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def lives(pid: int) -> bool:
    """Whether the process is there, and no zombie."""
    return processes.lives(pid)


def left_on(vm: Vm) -> list[Left]:
    """Return all that runs as the VM's user, but for bystanders and what serves connections."""
    return sorted(
        Left(process.pid, process.parent, words)
        for process in processes.of_user(pwd.getpwnam(vm.user).pw_uid)
        if process.name[:4] != "sshd"
        and not processes.has(process.pid, "DXLAB_BYSTANDER=yes")
        and (words := _command_line(process.pid))
    )


def work_on(vm: Vm) -> list[Left]:
    """Return the processes of commands: what `left_on` finds, but for the keeper's own.

    A tool whose keeper has just ended is gone at the second look.
    """
    if not (first := _work_on(vm)):
        return []
    time.sleep(0.05)
    return [left for left in _work_on(vm) if left in first]


def _work_on(vm: Vm) -> list[Left]:
    everything = left_on(vm)
    keepers = {left.pid for left in everything if "/dxansible/keeper-" in left.command}
    tools = {left.pid for left in everything if left.parent in keepers and not _tagged(left.pid)}
    return [left for left in everything if left.pid not in keepers | tools]


def abort_arrived(vm: Vm) -> bool:
    """Whether the keeper has been asked to stop a command."""
    return any(" abort mark=" in left.command for left in left_on(vm))


def _tagged(pid: int) -> bool:
    return b"DX_SESSION=" in processes.read(pid, "environ")


def _command_line(pid: int) -> str:
    """Return what a process was called with, or nothing if it has just ended."""
    words = processes.read(pid, "cmdline").replace(b"\0", b" ").strip()
    return words.decode(errors="replace")


def sweep(vm: Vm) -> None:
    """Kill what a command has left behind."""
    processes.kill_all(lambda: {left.pid for left in left_on(vm)})


@contextmanager
def untraced(vm: Vm, *names: str) -> Iterator[Vm]:
    """Yield a machine that has neither commands nor these files, and leave none there."""
    forget(vm, *names)
    yield vm
    forget(vm, *names)


def forget(vm: Vm, *names: str) -> None:
    """Remove the commands of a machine, and these files of its home directory."""
    sweep(vm)
    for name in names:
        (vm.home / name).unlink(missing_ok=True)


def wait_until(holds: Callable[[], bool], seconds: float, what: str) -> None:
    """Return once ``holds`` is true; fail with ``what`` if that takes longer than ``seconds``."""
    end, pause = time.monotonic() + seconds, 0.02
    while not holds():
        assert time.monotonic() < end, f"after {seconds:g} s still not true: {what}"
        time.sleep(pause)
        pause = min(pause * 1.3, 0.1)  # a look at every process costs time
