"""Hosts on loopback for both sides: a real sshd for each, at an address of its own.

Made of the parts of `tests.lab`, without its gates, which would be measured too.
"""

from __future__ import annotations

import getpass
import os
import secrets
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.lab import blackhole, remains, sshd
from tests.lab.client import Client
from tests.lab.inventory import Host, write_inventory
from tests.lab.sshd import Sshd

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Fleet"]

_PARENT = next(filter(Path.is_dir, map(Path, ("/dev/shm", "/tmp"))))  # noqa: S108 - see below
"""Short, as Unix sockets need it; in memory, since machines don't share a disk as our hosts do."""
_HOSTS_PER_NETWORK = 250


class Fleet:
    """Hosts h001, h002, …, started when they are first asked for; gone at the end of ``with``."""

    def __init__(self) -> None:
        """Make the directory for everything that the benchmark leaves."""
        sshd.check()
        for old in _PARENT.glob("dxlab-*"):
            remains.clear_if_dead(old)
        self.root = Path(tempfile.mkdtemp(prefix="dxlab-", dir=_PARENT))
        self.root.chmod(0o755)
        self._id = f"dxl{secrets.token_hex(3)}"
        self._undo = ExitStack()
        self._undo.enter_context(remains.claim(self.root, self._id))
        self._undo.callback(remains.clear, self.root, self._id)
        self._client = Client.create(self.root / "client")
        self._hosts: list[Host] = []
        self._hole: str | None = None

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End all hosts and remove the directory."""
        self._undo.close()

    @property
    def ssh_config(self) -> Path:
        """The file for ``ssh -F``, which knows every host by name."""
        return self._client.config

    def names(self, count: int) -> list[str]:
        """The first ``count`` hosts, which run from now on."""
        self._grow(count)
        return [host.name for host in self._hosts[:count]]

    def inventory(self, count: int, *, black_hole: bool = False) -> Path:
        """An inventory of the first ``count`` hosts; the last may be one that never answers.

        Raises LabUnsupported where there can be no such host.
        """
        directory = self.root / f"inventory-{count}{'-hole' if black_hole else ''}"
        if not directory.exists():
            self._grow(count)
            hosts = self._hosts[:count]
            if black_hole:
                self._hole = self._hole or blackhole.create(self._id)
                hosts = [*hosts[:-1], self._lost(self._hole)]
            write_inventory(directory, hosts)
        return directory

    def host(self, name: str) -> Host:
        """How to reach one of them."""
        return next(host for host in self._hosts if host.name == name)

    def _lost(self, address: str) -> Host:
        return Host("hole", address, 22, getpass.getuser(), self._client)

    def _grow(self, count: int) -> None:
        servers = []
        for number in range(len(self._hosts), count):
            name = f"h{number + 1:03}"
            home = self.root / "vm" / name  # else the files of our own shell are timed too
            home.mkdir(parents=True)
            network, last = divmod(number, _HOSTS_PER_NETWORK)
            server = Sshd(
                self.root / "sshd" / name,
                address=f"127.88.{network}.{last + 1}",
                user=getpass.getuser(),
                key=self._client.public_key,
                mark=f"{remains.mark(self.root)} HOME={home}",
            )
            server.own_processes = os.geteuid() == 0
            self._undo.callback(server.stop)
            server.start()
            self._introduce(name, server)
            servers.append(server)
        for server in servers:
            server.wait_for_banner()

    def _introduce(self, name: str, server: Sshd) -> None:
        address, port = server.upstream
        self._hosts.append(Host(name, address, port, getpass.getuser(), self._client))
        with self._client.known_hosts.open("a") as file:
            file.write(f"[{address}]:{port} {server.host_key}\n")
        with self._client.config.open("a") as file:
            user = getpass.getuser()
            file.write(f"Host {name}\n  HostName {address}\n  Port {port}\n  User {user}\n")
