"""Looks for a text where it must not be: in process lists, and in files."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab import processes

if TYPE_CHECKING:
    from tests.integration.dispatcher import Dispatcher

__all__ = ["files_with", "private_directories", "processes_with", "running_for"]

_SERVES = "/playbooks/serve.yml"
_PLACES = ("/tmp", "/var/tmp", "/dev/shm", "/run", "/var/log")


def processes_with(text: str) -> list[str]:
    """Return "/proc/PID/cmdline" and "/proc/PID/environ" of all processes that show the text."""
    return [
        f"/proc/{pid}/{name}"
        for pid in processes.pids()
        for name in ("cmdline", "environ")
        if text.encode() in processes.read(pid, name)
    ]


def files_with(text: str, *, since: float) -> list[Path]:
    """Return the files that changed after ``since`` (seconds since the epoch) and hold the text.

    Looks where a user's programs write: temporary and runtime directories, home, logs.
    """
    home, runtime = Path("~").expanduser(), os.environ.get("XDG_RUNTIME_DIR", "/run")
    places = {place for place in (*_PLACES, str(home), runtime) if Path(place).exists()}
    changed = subprocess.run(
        ["find", *places, "-type", "f", "-newerct", f"@{since}", "-size", "-64M", "-print0"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # files that vanish meanwhile
        check=False,
    ).stdout
    paths = {Path(os.fsdecode(name)) for name in changed.split(b"\0") if name}
    return sorted(path for path in paths if _has(path, text))


def _has(path: Path, text: str) -> bool:
    with suppress(OSError):
        return text.encode() in path.read_bytes()
    return False


def private_directories(runtime: Path) -> list[Path]:
    """Return those of calls; an engine's sockets and its own run are another thing."""
    engines = [line for line in map(_command, processes.pids()) if _SERVES in line]
    found = [path for path in runtime.glob("dx-*") if not path.match("dx-engine-*")]
    return [path for path in found if not any(f"{path}/" in line for line in engines)]


def running_for(user: Dispatcher) -> list[str]:
    """Return the commands that run here for a user, but for those that are kept for later."""
    commands = map(_command, user.commands())
    return [command for command in commands if command]


def _command(pid: int) -> str:
    return processes.read(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace")
