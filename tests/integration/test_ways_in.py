"""Hosts that are reached in other ways than a plain IPv4 address."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Lab, Vm


def _inventory(path: Path, lab: Lab, vm: Vm, **variables: object) -> str:
    settings = {
        "ansible_host": vm.address,
        "ansible_port": vm.port,
        "ansible_user": vm.user,
        "ansible_ssh_private_key_file": f"{lab.client_home}/.ssh/id_ed25519",
        "ansible_ssh_common_args": f"-F {lab.client_home}/.ssh/config",
        "dx_auth_mode": "ssh_key",
        **variables,
    }
    lines = "".join(f"      {name}: '{value}'\n" for name, value in settings.items())
    path.write_text(f"all:\n  hosts:\n    vm:\n{lines}")
    return str(path)


@contextmanager
def _ipv6_door(vm: Vm) -> Iterator[int]:
    """A port of ::1 that leads to the VM, whose servers listen on IPv4 only."""
    listener = socket.create_server(("::1", 0), family=socket.AF_INET6)

    def pump(source: socket.socket, drain: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                drain.sendall(data)
            drain.shutdown(socket.SHUT_WR)

    def relay(near: socket.socket) -> None:
        with near, socket.create_connection((vm.address, vm.port)) as far:
            back = threading.Thread(target=pump, args=(far, near))
            back.start()
            pump(near, far)
            back.join()

    def serve() -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=relay, args=(near,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield int(listener.getsockname()[1])
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def test_a_host_with_an_ipv6_address_is_reached(
    lab: Lab, epyc6: Vm, user: Dispatcher, tmp_path: Path
) -> None:
    with _ipv6_door(epyc6) as port:
        inventory = _inventory(
            tmp_path / "hosts.yml",
            lab,
            epyc6,
            ansible_host="::1",
            ansible_port=port,
            ansible_ssh_common_args=(
                f"-F {lab.client_home}/.ssh/config -o UserKnownHostsFile={tmp_path}/known"
            ),
        )
        answer = user.run("vm", "--exec", "id -un", "--json", "-i", inventory)
        user.drop_connections()
    assert answer.result["stdout"] == f"{epyc6.user}\n", answer.err


def test_a_host_behind_a_jump_host_is_reached_through_it(
    lab: Lab, epyc6: Vm, user: Dispatcher, tmp_path: Path
) -> None:
    jump = lab.vms["macmini"]
    before = jump.connections
    config = f"{lab.client_home}/.ssh/config"
    proxy = f"ssh -F {config} -p {jump.port} -W %h:%p {jump.user}@{jump.address}"
    inventory = _inventory(
        tmp_path / "hosts.yml",
        lab,
        epyc6,
        ansible_ssh_common_args=f'-F {config} -o ProxyCommand="{proxy}"',
    )
    answer = user.run("vm", "--exec", "id -un", "--json", "-i", inventory)
    assert answer.result["stdout"] == f"{epyc6.user}\n", answer.err
    assert jump.connections == before + 1


def test_a_name_that_only_the_jump_host_knows_is_not_looked_up_here(
    lab: Lab, epyc6: Vm, user: Dispatcher, tmp_path: Path
) -> None:
    config = f"{lab.client_home}/.ssh/config"
    direct = f"ssh -F {config} -p %p -W {epyc6.address}:%p {epyc6.user}@{epyc6.address}"
    inventory = _inventory(
        tmp_path / "hosts.yml",
        lab,
        epyc6,
        ansible_host="inner.invalid",
        ansible_ssh_common_args=(
            f'-F {config} -o ProxyCommand="{direct}" -o UserKnownHostsFile={tmp_path}/known'
        ),
    )
    answer = user.run("vm", "--exec", "echo in", "--json", "-i", inventory)
    assert answer.result["stdout"] == "in\n", answer.err


def test_an_alias_of_ssh_config_is_followed(
    lab: Lab, epyc6: Vm, user: Dispatcher, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text(
        f"Host nickname\n  HostName {epyc6.address}\n  Port {epyc6.port}\n"
        f"Include {lab.client_home}/.ssh/config\n"
    )
    path = tmp_path / "hosts.yml"
    path.write_text(
        "all:\n  hosts:\n    vm:\n      ansible_host: nickname\n"
        f"      ansible_user: {epyc6.user}\n      ansible_ssh_common_args: '-F {config}'\n"
    )
    answer = user.run("vm", "--exec", "echo in", "--json", "-i", str(path))
    assert answer.result["stdout"] == "in\n", answer.err
