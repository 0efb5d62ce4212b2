"""No network in unit tests, and an empty home directory for those that need one."""

from __future__ import annotations

import ipaddress
import os
import shutil
import signal
import socket
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dxansible.kept.running import running_engines, stop_engines
from dxansible.settings import Settings, content_dir
from tests.known_names import known_names_stay
from tests.lab import processes
from tests.unit.clock import Clock
from tests.unit.local_vm import write_inventory
from tests.unit.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

_DECIDE_FOR_US = ("ANSIBLE_", "DX_", "SSH_", "XDG_", "NO_COLOR", "SLACK_", "GH_", "GITHUB_")


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect
    for name in ("SLACK_BOT_TOKEN", "SLACK_WEBHOOK_URL"):
        monkeypatch.delenv(name, raising=False)

    def connect_nearby(sock: socket.socket, address: Any) -> None:  # noqa: ANN401 - as in socket
        if sock.family != socket.AF_UNIX and not ipaddress.ip_address(address[0]).is_loopback:
            pytest.fail(f"a unit test connects to {address}")
        connect(sock, address)

    monkeypatch.setattr(socket.socket, "connect", connect_nearby)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt, also where the caller of pytest has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def residence() -> Iterator[Path]:
    """The home directory of all tests of this process that are marked as resident."""
    directory = Path(tempfile.mkdtemp(prefix="dxt-"))
    (directory / "runtime").mkdir(mode=0o700)
    yield directory
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(directory / "runtime"))
        stop_engines(running_engines())
    wait_until(lambda: _is_removed(directory))


def _is_removed(directory: Path) -> bool:
    shutil.rmtree(
        directory, ignore_errors=True
    )  # what an engine or a keeper still does, it does there
    return not directory.exists()


@pytest.fixture
def readers_ended(home: Path) -> Iterator[None]:
    """Wait for what reads inventories beside a completion: it writes into this home."""
    yield
    wait_until(lambda: not processes.marked(f"HOME={home}"))


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Path]:
    """An empty home directory, with a short name, and no settings from outside."""
    for name in list(os.environ):
        if name.startswith(_DECIDE_FOR_US):
            monkeypatch.delenv(name)
    monkeypatch.setenv("DX_RECEPTOR_SOCKET", "off")  # this machine may be part of a mesh
    marks = {mark.name for mark in request.node.iter_markers()}
    resident = "resident" in marks and "newcomer" not in marks
    if resident:
        directory = request.getfixturevalue("residence")
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(directory / "runtime"))
        monkeypatch.setenv("DX_ENGINE_PATIENCE", "20")  # machines that run tests are busy
    else:
        directory = Path(tempfile.mkdtemp(prefix="dxt-"))
        monkeypatch.setenv("DX_ENGINE", "off")
    monkeypatch.setenv("HOME", str(directory))
    yield directory
    if resident:
        with known_names_stay(directory):
            _empty(directory)
    else:
        shutil.rmtree(directory)


def _empty(directory: Path) -> None:
    """Remove all but what engines were made of, and what is theirs."""
    for path in directory.iterdir():
        if path.name in {".ansible", "runtime"} or path.suffix == ".yml":
            continue
        if path.is_dir() and not path.is_symlink():
            wait_until(partial(_is_removed, path))
        else:
            path.unlink()


@pytest.fixture
def inventory(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's inventory, in which this machine is the VM "here", and "twin" as well."""
    monkeypatch.setenv("DX_INVENTORY", str(home / "inventory.yml"))
    return write_inventory(home / "inventory.yml")


@pytest.fixture
def playbooks(home: Path, inventory: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory that stands for our playbooks, beside our collection."""
    assert inventory.exists()
    directory = home / "playbooks"
    directory.mkdir()
    (directory / "collections").symlink_to(content_dir("playbooks") / "collections")
    monkeypatch.setenv("DX_PLAYBOOKS", str(directory))
    return directory


@pytest.fixture
def settings(inventory: Path) -> Settings:
    """The settings of somebody with that inventory."""
    return Settings.load(inventory)


@pytest.fixture
def clock() -> Clock:
    """Time of one's own."""
    return Clock()
