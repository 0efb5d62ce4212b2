"""One virtual machine: a gate, the sshd behind it, and its place in the inventory."""

import pwd
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.lab import processes
from tests.lab.faults import Fault
from tests.lab.gate import Gate
from tests.lab.inventory import Host, write_connection
from tests.lab.sshd import Sshd


@dataclass(slots=True, eq=False)
class Vm:
    """A machine to log in to, with switches to break it."""

    home: Path
    host: Host
    gate: Gate
    sshd: Sshd
    inventory: Path
    black_hole: Callable[[], str]
    _dropped: bool = field(default=False, init=False)

    @property
    def name(self) -> str:
        """The name in the inventory."""
        return self.host.name

    @property
    def address(self) -> str:
        """Where clients connect to."""
        return self.gate.address

    @property
    def port(self) -> int:
        """The port clients connect to; it outlives all faults."""
        return self.gate.port

    @property
    def user(self) -> str:
        """Who clients log in as."""
        return self.host.user

    @property
    def log(self) -> Path:
        """What sshd says."""
        return self.sshd.log

    @property
    def connections(self) -> int:
        """How many TCP connections have been accepted so far."""
        return self.gate.connections

    @property
    def faults(self) -> frozenset[Fault]:
        """What is broken now."""
        dropped = {Fault.DROP} if self._dropped else set()
        return self.gate.faults | self.sshd.faults | dropped

    def fault(self, fault: Fault) -> None:
        """Break the machine in one more way."""
        if fault in Gate.FAULTS:
            self.gate.fault(fault)
        elif fault in Sshd.FAULTS:
            self.sshd.fault(fault)
        else:
            write_connection(self.inventory, replace(self.host, address=self.black_hole()))
            self._dropped = True

    def heal(self) -> None:
        """Undo all faults and the cuts not used up; held connections resume."""
        if self._dropped:
            write_connection(self.inventory, self.host)
            self._dropped = False
        self.sshd.heal()
        self.gate.heal()

    def cut_after(self, up: int | None = None, down: int | None = None, times: int = 1) -> None:
        """Reset the next `times` connections once that many bytes went `up` or `down`.

        "Up" is from client to server.  Zero resets a connection as soon as it is accepted.
        """
        self.gate.cut_after(up, down, times)

    def cut_now(self) -> None:
        """Reset all live connections."""
        self.gate.cut_now()

    def lose_power(self) -> None:
        """End everything there, lose what the keeper wrote, and start 5 seconds ago.  Root only.

        Nothing of what the machine was about to say arrives, and `REFUSE` and `MUTE` are healed.
        """
        self.sshd.stop()
        owner = pwd.getpwnam(self.user).pw_uid
        processes.kill_all(lambda: processes.owned_by(owner))
        shutil.rmtree(self.home / ".local/state/dxansible")
        self.gate.cut_now()
        self.gate.heal()
        self.sshd.restart(up_for=5)

    def kill_sessions(self) -> None:
        """Kill the sshd processes of all connections, as if sshd had died in mid-command."""
        self.sshd.kill_sessions()
