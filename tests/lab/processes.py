"""Finding and killing processes, from /proc."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.lab.faults import LabError

_PROC = Path("/proc")
_PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Process:
    """One live process; `uid` is the real user id."""

    pid: int
    parent: int
    uid: int
    name: str


def alive() -> Iterator[Process]:
    """Yield every process of the machine that is not a zombie."""
    for directory in _PROC.glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            lines = (directory / "status").read_text(errors="replace").splitlines()
            status = dict(line.split(":", 1) for line in lines)
            if status["State"].split()[0] not in "ZX":
                yield Process(
                    pid=int(directory.name),
                    parent=int(status["PPid"]),
                    uid=int(status["Uid"].split()[0]),
                    name=status["Name"].strip(),
                )


def descendants(ancestor: int) -> list[Process]:
    """Return the children of `ancestor`, their children, and so on."""
    everyone = list(alive())
    family: list[Process] = []
    parents = {ancestor}
    while parents:
        generation = [process for process in everyone if process.parent in parents]
        family += generation
        parents = {process.pid for process in generation}
    return family


def owned_by(uid: int) -> set[int]:
    """Return the ids of a user's processes."""
    return {process.pid for process in alive() if process.uid == uid}


def running(text: str) -> set[int]:
    """Return the ids of the processes that have `text` in the command line."""
    return {process.pid for process in alive() if text.encode() in _read(process, "cmdline")}


def marked(variable: str) -> set[int]:
    """Return the ids of the processes that have `variable` (`NAME=value`) in the environment."""
    return {
        process.pid
        for process in alive()
        if variable.encode() in _read(process, "environ").split(b"\0")
    }


def _read(process: Process, name: str) -> bytes:
    with suppress(OSError):
        return (_PROC / str(process.pid) / name).read_bytes()
    return b""


def kill_all(find: Callable[[], set[int]]) -> None:
    """Kill what `find` returns until it returns nothing, as processes may fork meanwhile."""
    deadline = time.monotonic() + _PATIENCE
    while pids := find():
        if time.monotonic() > deadline:
            message = f"these processes survive SIGKILL: {sorted(pids)}"
            raise LabError(message)
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)


def kill(pids: set[int]) -> None:
    """Kill exactly `pids`, and return when they are gone."""
    kill_all(lambda: pids & {process.pid for process in alive()})
