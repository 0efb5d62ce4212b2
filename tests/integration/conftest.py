"""A lab for each test process, and a new user for each test."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.integration.dispatcher import Dispatcher
from tests.integration.vm_processes import wait_until, work_on
from tests.lab import Lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab import Vm


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What is marked with ``engines`` has to hold with an engine and without."""
    if metafunc.definition.get_closest_marker("engines") and "user" in metafunc.fixturenames:
        metafunc.parametrize("user", [False, True], ids=["alone", "engines"], indirect=True)


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
def until_told(epyc6: Vm) -> Iterator[Vm]:
    """A machine whose command ends after the test at the latest, if it waits for `finish`."""
    finish = epyc6.home / "finish"
    finish.unlink(missing_ok=True)
    yield epyc6
    finish.touch()
    wait_until(lambda: not work_on(epyc6), 60, "the command is over")


@pytest.fixture
def user(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Dispatcher]:
    """Somebody with the lab's inventory and a home directory of their own."""
    dispatcher = Dispatcher(lab.inventory, engines=getattr(request, "param", None))
    yield dispatcher
    dispatcher.close()


@pytest.fixture
def here(user: Dispatcher, monkeypatch: pytest.MonkeyPatch) -> Dispatcher:
    """Make this very process that user, to call the Python interface in it."""
    for name in ("SSH_AUTH_SOCK", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "DX_INVENTORY", "DXTEST", "DX_ENGINE", "XDG_RUNTIME_DIR"):
        if name in user.environment:
            monkeypatch.setenv(name, user.environment[name])
    return user


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads for what has to go on while a test breaks something."""
    with ThreadPoolExecutor(max_workers=20) as threads:
        yield threads
