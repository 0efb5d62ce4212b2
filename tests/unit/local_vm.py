"""An inventory in which the VM is this machine: the real engine, and no network."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

__all__ = ["LOCAL", "use_inventory", "write_inventory", "write_playbook"]

LOCAL: dict[str, Any] = {
    "ansible_connection": "local",
    "dx_auth_mode": "local",
    "dx_hostnames": [socket.gethostname()],
}


def write_inventory(path: Path, **hosts: dict[str, Any]) -> Path:
    """Write an inventory; by default of "here", with an alias and a group, and "twin"."""
    chosen = hosts or {
        "here": LOCAL | {"dx_aliases": ["me"], "dx_capabilities": ["gpu"]},
        "twin": LOCAL,
    }
    text = json.dumps({"all": {"hosts": chosen}})
    if not path.exists() or path.read_text() != text:  # an engine would leave
        path.write_text(text)
    return path


def use_inventory(patch: pytest.MonkeyPatch, path: Path, **hosts: dict[str, Any]) -> None:
    """Have this inventory beside the one of other tests, whose engine stays."""
    patch.setenv("DX_INVENTORY", str(write_inventory(path, **hosts)))


def write_playbook(path: Path, *tasks: dict[str, Any]) -> Path:
    """Write a playbook of one play over all hosts."""
    play = {"name": "Play", "hosts": "all", "gather_facts": False, "tasks": list(tasks)}
    path.write_text(json.dumps([play]))
    return path
