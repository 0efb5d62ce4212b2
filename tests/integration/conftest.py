"""A lab for each test process, and a new user for each test."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.integration.dispatcher import Dispatcher
from tests.integration.vm_processes import wait_until, work_on
from tests.lab import Lab
from tests.lab.mesh import Mesh

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab import Vm


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What is marked with ``engines``, and not otherwise, has to hold with one and without."""
    marks = {mark.name for mark in metafunc.definition.iter_markers()}
    both = "engines" in marks and not marks & {"alone", "resident"}
    if both and "user" in metafunc.fixturenames:
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


@pytest.fixture(scope="session")
def inventory(lab: Lab) -> Path:
    """The inventory of the tests' users."""
    return lab.inventory


@pytest.fixture(scope="session")
def residents() -> Iterator[dict[tuple[Path, str], Dispatcher]]:
    """Users with engines that stay for all tests of this process, by inventory and name."""
    known: dict[tuple[Path, str], Dispatcher] = {}
    yield known
    for dispatcher in known.values():
        dispatcher.close()


def resident(known: dict[tuple[Path, str], Dispatcher], inventory: Path, name: str) -> Dispatcher:
    """Return the user of that name, who has an engine; they are to start over after the test."""
    if (inventory, name) not in known:
        known[inventory, name] = Dispatcher(inventory, engines=True)
    return known[inventory, name]


def lend(request: pytest.FixtureRequest, inventory: Path, name: str) -> Iterator[Dispatcher]:
    """Somebody without connections and files: a resident, or new here, as the test is marked."""
    engines: bool | None = getattr(request, "param", None)
    marks = {mark.name for mark in request.node.iter_markers()}
    if (engines or "resident" in marks) and "newcomer" not in marks:
        dispatcher = resident(request.getfixturevalue("residents"), inventory, name)
        yield dispatcher
        dispatcher.start_over()
    else:
        dispatcher = Dispatcher(inventory, engines=engines)
        yield dispatcher
        dispatcher.close()


@pytest.fixture
def user(inventory: Path, request: pytest.FixtureRequest) -> Iterator[Dispatcher]:
    """Somebody with that inventory and a home directory of their own."""
    yield from lend(request, inventory, "user")


@pytest.fixture
def other(inventory: Path, request: pytest.FixtureRequest) -> Iterator[Dispatcher]:
    """Somebody else, on another machine for all that they can see."""
    yield from lend(request, inventory, "other")


@pytest.fixture(scope="session")
def mesh_of_all(lab: Lab) -> Iterator[Mesh]:
    """A controller and two execution nodes, which take only signed work over TLS."""
    with Mesh(lab.root / "mesh", ["exec1", "exec2"], guarded=True) as running:
        yield running


@pytest.fixture
def mesh(mesh_of_all: Mesh, user: Dispatcher) -> Iterator[Mesh]:
    """The user's mesh, whole again after the test."""
    user.environment["DX_RECEPTOR_SOCKET"] = str(mesh_of_all.socket)
    yield mesh_of_all
    mesh_of_all.heal()


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
