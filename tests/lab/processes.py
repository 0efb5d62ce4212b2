"""Finding and killing processes, from /proc."""

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from tests.lab.faults import LabError

_PROC = "/proc"
_STATUS = re.compile(
    rb"Name:\t(?P<name>[^\n]*)\n.*?^State:\t(?P<state>.).*?^PPid:\t(?P<parent>\d+)\n"
    rb".*?^Uid:\t(?P<uid>\d+)",
    re.DOTALL | re.MULTILINE,
)
_PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Process:
    """One live process; `uid` is the real user id."""

    pid: int
    parent: int
    uid: int
    name: str


def pids() -> list[int]:
    """Return the ids of all processes of the machine."""
    return [int(name) for name in os.listdir(_PROC) if name.isdigit()]  # noqa: PTH208 - see read


def read(pid: int, name: str) -> bytes:
    """Return a file of a process in /proc, or nothing if there is no such process any more.

    Tests look at hundreds of processes many times a second, and pathlib takes as long as they do.
    """
    try:
        file = os.open(f"{_PROC}/{pid}/{name}", os.O_RDONLY)
    except OSError:
        return b""
    try:
        parts = []
        while part := os.read(file, 1 << 16):
            parts.append(part)
        return b"".join(parts)
    except OSError:
        return b""
    finally:
        os.close(file)


def alive() -> Iterator[Process]:
    """Yield every process of the machine that is not a zombie."""
    return filter(None, map(_process, pids()))


def _process(pid: int) -> Process | None:
    found = _STATUS.match(read(pid, "status"))
    if found is None or found["state"] in b"ZX":
        return None
    return Process(pid, int(found["parent"]), int(found["uid"]), found["name"].decode())


def lives(pid: int) -> bool:
    """Whether there is such a process, zombies excepted."""
    return _process(pid) is not None


def of_user(uid: int) -> list[Process]:
    """Return what runs with a user's rights, zombies excepted."""
    found = []
    for pid in pids():
        with suppress(OSError):
            if os.stat(f"{_PROC}/{pid}").st_uid == uid:  # noqa: PTH116 - see read
                found.append(_process(pid))
    return [each for each in found if each]


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
    return {pid for pid in pids() if text.encode() in read(pid, "cmdline")}


def marked(variable: str) -> set[int]:
    """Return the ids of the processes that have `variable` (`NAME=value`) in the environment."""
    return {pid for pid in pids() if has(pid, variable)}


def has(pid: int, variable: str) -> bool:
    """Whether a process has `variable` (`NAME=value`) in the environment."""
    environment, words = read(pid, "environ"), variable.encode()
    return words in environment and words in environment.split(b"\0")


def kill_all(find: Callable[[], set[int]]) -> None:
    """Kill what `find` returns until it returns nothing, as processes may fork meanwhile."""
    deadline = time.monotonic() + _PATIENCE
    while found := find():
        if time.monotonic() > deadline:
            message = f"these processes survive SIGKILL: {sorted(found)}"
            raise LabError(message)
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)


def kill(some: set[int]) -> None:
    """Kill exactly `some`, and return when they are gone."""
    kill_all(lambda: {pid for pid in some if lives(pid)})
