"""A machine for each test, under one of the shells or all."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.keeper.crowd import Crowd
from tests.integration.keeper.machine import Machine
from tests.sample import EVERY_CASE

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHELLS = {
    "dash": "dash",
    "bash": "bash",
    "zsh": "zsh --emulate sh",
    "busybox": "busybox",
}


def _machine(kind: str, directory: Path) -> Machine:
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
    name, *rest = _SHELLS[shell].split()
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


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each test one of the shells, or with DX_ALL_SHELLS every one."""
    shells = list(_SHELLS)
    one = shells[sum(metafunc.function.__name__.encode()) % len(shells)]
    chosen = shells if os.environ.get("DX_ALL_SHELLS") or EVERY_CASE else [one]
    if "machine" in metafunc.fixturenames:
        metafunc.parametrize("machine", chosen, indirect=True)
    if "any_machine" in metafunc.fixturenames:
        metafunc.parametrize("any_machine", [*chosen, "dash-ps"], indirect=True)


@pytest.fixture
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machine]:
    """A machine with procfs."""
    with _machine(request.param, tmp_path) as new:
        yield new


@pytest.fixture
def any_machine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machine]:
    """A machine with procfs, or one that has only ps, as macOS."""
    with _machine(request.param, tmp_path) as new:
        yield new


@pytest.fixture
def dash(tmp_path: Path) -> Iterator[Machine]:
    """A machine with the smallest of the shells, for what has nothing to do with shells."""
    with _machine("dash", tmp_path) as new:
        yield new


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    """What else the machine has to do during the test."""
    with Crowd() as watched:
        yield watched
