"""A disk so small that it is soon full."""

from __future__ import annotations

import pwd
import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from tests.integration.sessions.work import on_vm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab import Vm

__all__ = ["fill", "small_disk", "state_on_small_disk"]


def fill(disk: Path) -> None:
    """Leave no byte of room on a disk."""
    with suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:
        while True:
            filler.write(bytes(4096))


@contextmanager
def small_disk(where: Path, options: str) -> Iterator[None]:
    """Mount a tmpfs on a directory; ``options`` say how small. Only root can."""
    mount = ["mount", "-t", "tmpfs", "-o", options, "dxansible", str(where)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("this machine can't mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", where], check=True)


@contextmanager
def state_on_small_disk(vm: Vm, size: str) -> Iterator[Path]:
    """The directory of a VM's state on a small disk of its own; ``size`` in tmpfs's words."""
    state = vm.home / ".local/state/dxansible"
    on_vm(vm, f"mkdir -p {state}")
    owner = pwd.getpwnam(vm.user)
    with small_disk(state, f"{size},mode=0700,uid={owner.pw_uid},gid={owner.pw_gid}"):
        yield state
