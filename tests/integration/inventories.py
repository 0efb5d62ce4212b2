"""Inventories that a test writes for itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.lab import Vm

__all__ = ["Variables", "variables_of", "write_hosts"]

Variables = dict[str, str]


def variables_of(vm: Vm) -> Variables:
    """How the lab's own inventory reaches a machine, without the key that its ssh_config names."""
    return {
        "ansible_host": vm.address,
        "ansible_port": str(vm.port),
        "ansible_user": vm.user,
        "ansible_ssh_private_key_file": str(vm.host.client.key),
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={vm.host.client.known_hosts}",
        "dx_auth_mode": "ssh_key",
    }


def write_hosts(directory: Path, hosts: Mapping[str, Variables]) -> Path:
    """Write an inventory of hosts with these variables, and return it."""
    inventory = directory / "hosts.json"
    inventory.write_text(json.dumps({"all": {"hosts": hosts}}))
    return inventory
