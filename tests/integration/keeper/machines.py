"""Machines whose keeper runs under each of the shells."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.integration.keeper.machine import Machine

__all__ = ["SHELLS", "machine_with"]

SHELLS = {
    "dash": "dash",
    "bash": "bash",
    "zsh": "zsh --emulate sh",
    "busybox": "busybox",
}


def machine_with(kind: str, directory: Path) -> Machine:
    """Return a machine with a shell; ``-ps`` after its name stands for a machine without procfs."""
    shell, _, tool = kind.partition("-")
    home = directory / "home"
    if shell == "busybox":  # there is nothing else on that machine
        applets = _applets(directory / "applets")
        return Machine(shell=applets / "sh", home=home, path=str(applets))
    return Machine(shell=_one_word(shell, directory), home=home, procfs=tool != "ps")


def _applets(directory: Path) -> Path:
    program = shutil.which("busybox")
    assert program, "busybox is not installed"
    directory.mkdir()
    names = subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout
    for name in names.split():
        (directory / name).symlink_to(program)
    return directory


def _one_word(shell: str, directory: Path) -> Path:
    name, *rest = SHELLS[shell].split()
    program = shutil.which(name)
    assert program, f"{name} is not installed"
    if shell == "bash":  # where it is the system's shell, that is its name, and makes it another
        (directory / "sh").symlink_to(program)
        return directory / "sh"
    if not rest:
        return Path(program)
    wrapper = directory / shell
    wrapper.write_text(f'#!/bin/sh\nexec {program} {" ".join(rest)} "$@"\n', encoding="ascii")
    wrapper.chmod(0o755)
    return wrapper
