"""A lab for each test process, and a new user for each test."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.integration.dispatcher import Dispatcher
from tests.lab import Lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab import Vm


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Three machines with real OpenSSH servers."""
    with Lab.create() as running:
        yield running


@pytest.fixture
def epyc6(lab: Lab) -> Iterator[Vm]:
    """One of them, whole again after the test."""
    vm = lab.vms["epyc6"]
    yield vm
    vm.heal()


@pytest.fixture
def user(lab: Lab) -> Iterator[Dispatcher]:
    """Somebody with the lab's inventory and a home directory of their own."""
    dispatcher = Dispatcher(lab.inventory)
    if dispatcher.environment.get("DX_ENGINE") == "on":
        dispatcher.warm_engines()
    yield dispatcher
    dispatcher.close()


@pytest.fixture
def here(user: Dispatcher, monkeypatch: pytest.MonkeyPatch) -> Dispatcher:
    """Make this very process that user, to call the Python interface in it."""
    for name in ("HOME", "DX_INVENTORY", "DXTEST"):
        monkeypatch.setenv(name, user.environment[name])
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    return user


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads for what has to go on while a test breaks something."""
    with ThreadPoolExecutor(max_workers=20) as threads:
        yield threads
