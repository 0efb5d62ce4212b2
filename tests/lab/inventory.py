"""Ansible inventory directories."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.lab.client import Client


@dataclass(frozen=True, slots=True)
class Host:
    """One host as the inventory knows it."""

    name: str
    address: str
    port: int
    user: str
    client: Client
    aliases: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()


def write_inventory(directory: Path, hosts: Iterable[Host]) -> None:
    """Write `hosts.yml` and the `host_vars` of all `hosts`."""
    directory.mkdir()
    hosts = list(hosts)
    names = "".join(f"    {host.name}:\n" for host in hosts)
    (directory / "hosts.yml").write_text(f"---\nall:\n  hosts:\n{names}")
    for host in hosts:
        variables = directory / "host_vars" / host.name
        variables.mkdir(parents=True)
        (variables / "dx.yml").write_text(
            "---\n"
            "dx_auth_mode: ssh_key\n"
            f"dx_aliases: [{', '.join(host.aliases)}]\n"
            f"dx_capabilities: [{', '.join(host.capabilities)}]\n"
        )
        write_connection(directory, host)


def write_connection(directory: Path, host: Host) -> None:
    """Write how to reach one host of the inventory in `directory`."""
    (directory / "host_vars" / host.name / "ansible.yml").write_text(
        "---\n"
        f"ansible_host: {host.address}\n"
        f"ansible_port: {host.port}\n"
        f"ansible_user: {host.user}\n"
        f"ansible_ssh_private_key_file: {host.client.key}\n"
        f"ansible_ssh_common_args: '-F {host.client.config}'\n"
    )
