"""A machine for each test, under each of the shells."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.keeper.crowd import Crowd
from tests.integration.keeper.machine import Machine

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHELLS = {
    "dash": "dash",
    "bash": "bash",
    "zsh": "zsh --emulate sh",
    "busybox": "busybox sh",
}


def _one_word(shell: str, directory: Path) -> Path:
    name, *rest = _SHELLS[shell].split()
    program = shutil.which(name)
    assert program, f"{name} is not installed"
    if not rest:
        return Path(program)
    wrapper = directory / shell
    wrapper.write_text(f'#!/bin/sh\nexec {program} {" ".join(rest)} "$@"\n', encoding="ascii")
    wrapper.chmod(0o755)
    return wrapper


@pytest.fixture(params=_SHELLS)
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machine]:
    """A machine with procfs."""
    with Machine(shell=_one_word(request.param, tmp_path), home=tmp_path / "home") as new:
        yield new


@pytest.fixture(params=[*_SHELLS, "dash-ps"])
def any_machine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machine]:
    """A machine with procfs, or one that has only ps, as macOS."""
    shell, _, tool = request.param.partition("-")
    wrapper = _one_word(shell, tmp_path)
    with Machine(shell=wrapper, home=tmp_path / "home", procfs=tool != "ps") as new:
        yield new


@pytest.fixture
def dash(tmp_path: Path) -> Iterator[Machine]:
    """A machine with the smallest of the shells, for what has nothing to do with shells."""
    with Machine(shell=_one_word("dash", tmp_path), home=tmp_path / "home") as new:
        yield new


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    """What else the machine has to do during the test."""
    with Crowd() as watched:
        yield watched
