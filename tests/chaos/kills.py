"""Finds what a round kills: processes of the client's machine, and of the VM."""

from __future__ import annotations

import os
import pwd
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab import processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Vm
    from tests.lab.processes import Process

__all__ = ["kill"]


def _find(name: str, user: Dispatcher, vm: Vm | None) -> set[int]:
    """Return the pids of what is called so in KILLS; the user's alone where there is no ``vm``."""
    if vm is not None and name in _ON_VM:
        uid = pwd.getpwnam(vm.user).pw_uid
        return _ON_VM[name](vm, [one for one in processes.alive() if one.uid == uid])
    ours = processes.marked(f"HOME={user.home}")
    mine = [one for one in processes.alive() if one.pid in ours]
    if name == "ssh":
        return {one.pid for one in mine if one.name == "ssh"}
    if name == "engine":
        return {one.pid for one in mine if _runs(one, "kept/__main__.py")}
    playbooks = {one.pid: one.parent for one in mine if _runs(one, "ansible-playbook")}
    workers = {pid for pid, parent in playbooks.items() if parent in playbooks}
    return workers if name == "worker" else set(playbooks) - workers


def kill(name: str, user: Dispatcher, vm: Vm | None) -> None:
    """Kill with -9 what is called so; some of it may have ended by now."""
    for pid in _find(name, user, vm):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _words(pid: int) -> list[bytes]:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return []


def _runs(process: Process, program: str) -> bool:
    """Whether it is the program: by its own name, or as a script of Python."""
    return any(word.endswith(b"/" + program.encode()) for word in _words(process.pid)[:3])


def _supervisor(vm: Vm, _there: list[Process]) -> set[int]:
    return set(_recorded(vm))


def _recorded(vm: Vm) -> Iterator[int]:
    for record in vm.home.glob(".local/state/dxansible/sessions/*/supervisor"):
        with suppress(OSError):
            word = record.read_text().split()[:1]
            if word and word[0].isdigit() and _is_keeper(int(word[0])):
                yield int(word[0])


def _is_keeper(pid: int) -> bool:
    return any(b"/dxansible/keeper-" in word for word in _words(pid))


def _timers(_vm: Vm, there: list[Process]) -> set[int]:
    return {one.pid for one in there if one.name == "sleep"}


def _spools(vm: Vm, there: list[Process]) -> set[int]:
    """Each stream's dd and the shell around it, but no supervisor."""
    supervisors = set(_recorded(vm))
    dds = {one.pid: one.parent for one in there if one.name == "dd"}
    shells = {parent for parent in dds.values() if _is_keeper(parent)} - supervisors
    return set(dds) | shells


_ON_VM: dict[str, Callable[[Vm, list[Process]], set[int]]] = {
    "timers": _timers,
    "spools": _spools,
    "supervisor": _supervisor,
}
