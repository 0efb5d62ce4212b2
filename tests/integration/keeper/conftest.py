"""A machine for each test, under one of the shells or all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.integration.keeper.crowd import Crowd
from tests.integration.keeper.machines import SHELLS, machine_with
from tests.sample import EVERY_CASE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.keeper.machine import Machine


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each test one of the shells, or with DX_ALL_SHELLS every one."""
    shells = list(SHELLS)
    one = shells[sum(metafunc.function.__name__.encode()) % len(shells)]
    chosen = shells if os.environ.get("DX_ALL_SHELLS") or EVERY_CASE else [one]
    if "machine" in metafunc.fixturenames:
        metafunc.parametrize("machine", chosen, indirect=True)
    if "any_machine" in metafunc.fixturenames:
        metafunc.parametrize("any_machine", [*chosen, "dash-ps"], indirect=True)


@pytest.fixture
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machine]:
    """A machine with procfs."""
    with machine_with(request.param, tmp_path) as new:
        yield new


@pytest.fixture
def any_machine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machine]:
    """A machine with procfs, or one that has only ps, as macOS."""
    with machine_with(request.param, tmp_path) as new:
        yield new


@pytest.fixture
def dash(tmp_path: Path) -> Iterator[Machine]:
    """A machine with the smallest of the shells, for what has nothing to do with shells."""
    with machine_with("dash", tmp_path) as new:
        yield new


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    """What else the machine has to do during the test."""
    with Crowd() as watched:
        yield watched
