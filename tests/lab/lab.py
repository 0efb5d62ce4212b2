"""The lab as a whole: three virtual machines, a client and an inventory."""

import atexit
import os
import pwd
import re
import secrets
import stat
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.lab import accounts, blackhole, remains, sshd
from tests.lab.background import Background
from tests.lab.client import Client
from tests.lab.faults import LabError
from tests.lab.gate import Gate
from tests.lab.inventory import Host, write_inventory
from tests.lab.sshd import Sshd
from tests.lab.vm import Vm

_PARENT = Path("/tmp")  # and not $TMPDIR: Unix sockets need short names
_HOSTS_PER_NETWORK = 250


@dataclass(frozen=True, slots=True)
class _Role:
    name: str
    alias: str
    capabilities: tuple[str, ...]


_ROLES = (
    _Role("homedesktop-wsl", "wsl", ("primary",)),
    _Role("macmini", "mac", ("macos", "ios")),
    _Role("epyc6", "epyc", ("gpu",)),
)


class Lab:
    """Three machines that run until `down`, which is also called at the end of `with` or Python.

    As root each machine has a Unix user of its own, otherwise all log in as the current user.
    """

    root: Path
    inventory: Path
    client_home: Path
    vms: dict[str, Vm]
    extras: dict[str, Gate]

    @classmethod
    def create(cls, root: Path | None = None) -> Self:
        """Start a lab in `root`, a directory that is empty or missing and vanishes with the lab."""
        sshd.check()
        for old in (*_PARENT.glob("dxlab-*"), *filter(None, [root])):
            remains.clear_if_dead(old)
        lab = cls(_prepare(root))
        atexit.register(lab.down)
        try:
            lab._start()
        except BaseException:
            lab.down()
            raise
        return lab

    def __init__(self, root: Path) -> None:
        """Describe a lab that has not started; `create` is the way to one that has."""
        self.root = root
        self.inventory = root / "inventory"
        self.client_home = root / "client"
        self.vms = {}
        self.extras = {}
        self._id = f"dxl{secrets.token_hex(3)}"
        self._owner = os.getpid()
        self._undo = ExitStack()
        self._hole: str | None = None

    def __enter__(self) -> Self:
        """Return the lab itself, which runs already."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the lab down."""
        self.down()

    def down(self) -> None:
        """End and delete everything the lab has made.  Does nothing the second time."""
        if os.getpid() == self._owner:  # and not in a fork that runs its own atexit handlers
            atexit.unregister(self.down)
            self._undo.close()

    def black_hole(self) -> str:
        """Return an address whose packets vanish; raise `LabUnsupported` where there is none."""
        if self._hole is None:
            self._hole = blackhole.create(self._id)
        return self._hole

    def extra_hosts(self, count: int) -> Path:
        """Return another inventory, of `count` hosts h001… that lead to the three machines.

        Each host has an address of its own, and in `extras` a gate of its own.
        """
        vms = list(self.vms.values())
        machines = {f"h{i + 1:03}": vms[i % len(vms)] for i in range(count)}
        for name in list(machines)[len(self.extras) :]:
            network, host = divmod(len(self.extras), _HOSTS_PER_NETWORK)
            address = f"127.77.{network + 1}.{host + 1}"
            self.extras[name] = self._open_gate(address, machines[name].sshd)
        inventory = self.root / f"inventory-{count}"
        if not inventory.exists():
            write_inventory(
                inventory,
                [
                    Host(name, gate.address, gate.port, vm.user, self._client)
                    for name, vm in machines.items()
                    for gate in [self.extras[name]]
                ],
            )
        return inventory

    def _start(self) -> None:
        self._undo.enter_context(remains.claim(self.root, self._id))  # until it is cleared
        self._undo.callback(remains.clear, self.root, self._id)
        self._background = Background()
        self._undo.callback(self._background.close)
        self._client = Client.create(self.client_home)
        private = f"127.{100 + secrets.randbelow(100)}.{secrets.randbelow(256)}"
        for number, role in enumerate(_ROLES, start=1):
            vm = self._start_vm(role, f"127.77.0.{number}", f"{private}.{number}")
            self.vms[role.name] = vm
        write_inventory(self.inventory, [vm.host for vm in self.vms.values()])
        for vm in self.vms.values():
            vm.sshd.wait_for_banner()

    def _start_vm(self, role: _Role, public: str, private: str) -> Vm:
        home, user = self._account(role)
        server = Sshd(
            self.root / "sshd" / role.name,
            address=private,
            user=user,
            key=self._client.public_key,
            mark=remains.mark(self.root),
        )
        self._undo.callback(server.stop)
        server.start()
        gate = self._open_gate(public, server)
        host = Host(
            role.name,
            gate.address,
            gate.port,
            user,
            self._client,
            aliases=(role.alias,),
            capabilities=role.capabilities,
        )
        return Vm(home, host, gate, server, self.inventory, self.black_hole)

    def _account(self, role: _Role) -> tuple[Path, str]:
        if os.geteuid() != 0:
            entry = pwd.getpwuid(os.geteuid())
            return Path(entry.pw_dir), entry.pw_name
        home, user = self.root / "home" / role.name, f"{self._id}-{role.alias}"
        accounts.create(user, home)
        return home, user

    def _open_gate(self, address: str, server: Sshd) -> Gate:
        gate = Gate(self._background, address, server.upstream)
        self._undo.callback(gate.close)
        self._client.trust([(gate, server.host_key)])
        return gate


def _prepare(root: Path | None) -> Path:
    """Make the lab's directory, where users other than the current one can reach it."""
    if root is None:
        root = Path(tempfile.mkdtemp(prefix="dxlab-", dir=_PARENT))
    root = root.resolve()
    if not re.fullmatch(r"[\w./+-]+", str(root)):
        message = f"{root}: a lab's directory may not have special characters in its name"
        raise LabError(message)
    for parent in root.parents:
        if os.geteuid() == 0 and parent.exists() and not parent.stat().st_mode & stat.S_IXOTH:
            message = f"{root}: the machines' users cannot reach it, as {parent} is private"
            raise LabError(message)
    try:
        root.mkdir(exist_ok=True)
        if any(root.iterdir()):
            message = f"{root} is not empty"
            raise LabError(message)
        root.chmod(0o755)
    except OSError as error:
        message = f"{root}: {error.strerror}"
        raise LabError(message) from None
    return root
