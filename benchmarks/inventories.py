"""Large static inventories."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.inventory import Host

__all__ = ["FREE_PLUGINS", "write_free", "write_static"]

FREE_PLUGINS = __file__.removesuffix("inventories.py") + "connection_plugins"
_GROUP = 100


def write_static(path: Path, count: int, reachable: Host) -> None:
    """One YAML file of ``count`` hosts in groups of 100; the last is one that can be reached."""
    lines = ["all:", "  children:"]
    for number in range(1, count + 1):
        if number % _GROUP == 1:
            lines += [f"    group{number // _GROUP:03}:", "      hosts:"]
        lines += [
            f"        h{number}:",
            f"          ansible_host: {_address(number) if number < count else reachable.address}",
            f"          ansible_port: {reachable.port}",
            f"          ansible_user: {reachable.user}",
        ]
    lines += [
        "  vars:",
        f"    ansible_ssh_private_key_file: {reachable.client.key}",
        f"    ansible_ssh_common_args: -F {reachable.client.config}",
    ]
    path.write_text("\n".join(lines) + "\n")


def write_free(path: Path, count: int) -> None:
    """One YAML file of ``count`` hosts on the transport that costs nothing."""
    hosts = "".join(f"    h{number}:\n" for number in range(1, count + 1))
    path.write_text(
        f"all:\n  hosts:\n{hosts}  vars:\n    ansible_connection: free\n    ansible_user: bench\n"
    )


def _address(number: int) -> str:
    return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
