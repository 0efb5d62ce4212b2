"""Rules of the talk with receptor; tests/integration/test_mesh.py has real ones."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dxansible import settings as module
from dxansible.errors import UsageError
from dxansible.mesh.receptor import MeshError, Receptor
from dxansible.settings import Settings, receptor_socket

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A socket at a place where receptor's is by default."""
    place = tmp_path / "receptor.sock"
    monkeypatch.setattr(module, "_RECEPTORS", (str(tmp_path / "absent"), str(place)))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        yield place


def test_a_receptor_that_does_not_run_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(MeshError, match=r"receptor can't be asked: .*; see: dx-dispatch --nodes"):
        Receptor(tmp_path / "absent").names()


def test_a_node_that_can_t_be_asked_is_not_usable(tmp_path: Path) -> None:
    found = Receptor(tmp_path / "absent").find("exec1")

    assert not found.usable
    assert found.answer_ms is None


def test_the_socket_is_the_given_one_or_at_a_default_place(default: Path) -> None:
    assert receptor_socket({}) == default
    assert receptor_socket({"DX_RECEPTOR_SOCKET": "/run/mine.sock"}) == Path("/run/mine.sock")
    assert receptor_socket({"DX_RECEPTOR_SOCKET": "off"}) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file to another user")
def test_a_socket_that_somebody_else_made_is_not_used(default: Path) -> None:
    os.chown(default, 12345, -1)

    assert receptor_socket({}) is None


def test_a_node_is_refused_where_there_is_no_receptor(inventory: Path) -> None:
    off = {"DX_RECEPTOR_SOCKET": "off", "PATH": "/bin"}

    with pytest.raises(UsageError, match="there is no receptor on this machine"):
        Settings.load(inventory, off, via="exec1")
    assert Settings.load(inventory, off, via="local").receptor is None
