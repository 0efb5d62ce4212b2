"""A call with all that it prints in files, and the most memory that its processes ever held."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.integration.dispatcher import marked_processes

if TYPE_CHECKING:
    from tests.integration.dispatcher import Dispatcher

__all__ = ["Measured", "measure"]


@dataclass(frozen=True, slots=True)
class Measured:
    """What a call came to, and what it cost."""

    code: int
    out: Path
    err: Path
    client_bytes: int
    """Peak of dx-dispatch itself."""
    ansible_bytes: int
    """Peak of the largest ansible-playbook that it started."""


def measure(user: Dispatcher, directory: Path, *arguments: str) -> Measured:
    """Run a call to its end, its output in ``directory``."""
    out, err = directory / "out", directory / "err"
    client = ansible = 0
    with (
        out.open("wb") as out_file,
        err.open("wb") as err_file,
        user.start(*arguments, stdout=out_file, stderr=err_file) as process,
    ):
        others: set[int] = set()
        looked = 0.0
        while process.poll() is None:
            client = max(client, _peak(process.pid))
            ansible = max([ansible, *map(_peak, others)])
            if time.monotonic() - looked > 1:
                others, looked = _playbooks(user, process.pid), time.monotonic()
            time.sleep(0.02)
    return Measured(process.returncode, out, err, client, ansible)


def _playbooks(user: Dispatcher, but: int) -> set[int]:
    pids = set(marked_processes(f"DXTEST={user.home}")) - {but}
    return {pid for pid in pids if b"ansible-playbook" in _read(pid, "cmdline")}


def _peak(pid: int) -> int:
    for line in _read(pid, "status").splitlines():
        if line.startswith(b"VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def _read(pid: int, name: str) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/{name}").read_bytes()
    return b""
