# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The run of one host, without IO and without Ansible.

A run is a generator. It yields a call to make, a pause, or news for the caller. A driver makes the
call and sends the answer to the run, or throws the call's error into it. The driver is `fan`, for
many hosts at a time; `solo` uses it for one.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from .keeper_reply import CallError
from .link import explain
from .machine import THIS_MACHINE, Machine
from .preflight import OPTIONS
from .record import PreflightStatus
from .ssh_errors import SshFailure
from .value import Value
from .verdict import STATUS

if TYPE_CHECKING:
    from .host_door import HostDoor
    from .inputs import Inputs
    from .keeper_reply import Reply
    from .preflight import Preflight

T = TypeVar("T")

CHECK_SECONDS = 60.0
"""Limit for a whole preflight. Each check has its own limit, and together they stay below."""

_ALL_HOSTS, _LARGEST = 32 * 2**20, 4 * 2**20
"""Bytes of output: for all hosts together, and at most for one."""
_STARTED_IN_A_SECOND = 100
_LEASE, LONGEST_LEASE = 20, 600

CONTACT: Mapping[str, Mapping[str, Any]] = {
    "connect_timeout": {"type": "float", "default": 5.0, "variable": "dx_preflight_timeout"},
    "ssh": {"type": "dict", "default": {}},
    "batch_mode": {"type": "bool", "default": True, "variable": "dx_batch_mode"},
    "preflight": {"type": "dict", "options": OPTIONS},
}
"""Options of every run that contacts the host."""


@dataclass(frozen=True, slots=True)
class Ask(Generic[T]):
    """A call to make; it counts as lost after ``seconds``."""

    make: Callable[[HostDoor], T]
    seconds: float


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause before the next call, in seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class News:
    """A record for the caller. If it is not urgent, it may be delayed to join others."""

    record: dict[str, Any]
    urgent: bool = True


Steps = Generator[Ask[Any] | Pause | News, Any, T]


def ask(seconds: float, make: Callable[[HostDoor], T]) -> Steps[T]:
    """Yield a call to the driver and return its answer. Raises the call's error."""
    answer: T = yield Ask(make, seconds)
    return answer


def poll(seconds: float, name: str, asked: Mapping[str, object]) -> Steps[Reply]:
    """Ask for news of a session, with the keeper's options of a poll."""
    return ask(seconds, lambda door: door.keeper.poll(name, asked))


class Crowd(Value):
    """The number of hosts in the play, and of calls that may run at a time.

    Each host's share of memory and time depends on them.
    """

    hosts: int = 1
    width: int = 1

    @property
    def crowded(self) -> bool:
        """Whether hosts wait for each other."""
        return self.hosts > self.width

    @property
    def output_limit(self) -> int:
        """Bytes of each stream that the VM keeps."""
        return self._share(256 * 2**10)

    @property
    def window(self) -> int:
        """Bytes of a host's output that may be on their way to a slow reader."""
        return self._share(32 * 2**10)

    @property
    def first_wait(self) -> int:
        """Seconds that the start waits for news; a short command then needs no second call.

        0 if hosts wait for each other: start everywhere before waiting anywhere. But 1 with very
        many calls at a time, because waiting then delays no start.
        """
        return 0 if self.crowded and self.width < _STARTED_IN_A_SECOND else 1

    @property
    def lease(self) -> int:
        """Seconds for which a command with a slow reader waits for the next call."""
        return min(LONGEST_LEASE, _LEASE + 10 * (self.hosts // max(1, self.width)))

    def _share(self, smallest: int) -> int:
        return max(smallest, min(_LARGEST, _ALL_HOSTS // max(1, self.hosts)))


WATCH: Mapping[str, Mapping[str, Any]] = {
    "watch": {"type": "float", "default": 0.0, "variable": "dx_watch"},
    "longest_wait": {"type": "int", "default": 0, "variable": "dx_longest_wait"},
}
"""Options of runs that a board watches.

The run goes on for ``watch`` seconds. The VM answers when something has changed, at the latest
after ``longest_wait`` seconds.
"""


class HostRun(ABC):
    """Checks one host, opens its door, and does the work of its subclass."""

    kind: ClassVar[str]
    """The ``kind`` of its records."""
    spec: ClassVar[Mapping[str, Mapping[str, Any]]]
    """Ansible's argument spec of its options.

    ``variable`` names the host's variable that supplies an option missing in the task.
    """
    starts_work: ClassVar[bool] = False
    """Whether it changes the host; check mode then skips it."""
    in_check_mode: ClassVar[Mapping[str, Any]] = {}
    """Options that check mode sets."""
    of_fan: ClassVar[frozenset[str]] = frozenset()
    """Options that only ``fan_out`` accepts."""
    runs_text: ClassVar[bool] = False
    """Whether it runs the user's text on the host."""

    def __init__(  # noqa: PLR0913 - what a run is made of
        self,
        host: str,
        options: Mapping[str, Any],
        inputs: Inputs,
        crowd: Crowd,
        door: HostDoor,
        *,
        machine: Machine = THIS_MACHINE,
    ) -> None:
        """``options`` are complete and valid by `spec`."""
        self.host, self.options, self.inputs, self.crowd = host, dict(options), inputs, crowd
        self._door, self.machine = door, machine
        self._preflight: dict[str, Any] | None = None
        self._opened = self.machine.now()
        self.check_options()

    def check_options(self) -> None:  # noqa: B027 - most have nothing to check
        """Raise ValueError for an invalid option; the text names it."""

    def steps(self) -> Steps[dict[str, Any]]:
        """Run to the end. Returns the task's result, with the last record in ``dx``."""
        failed = yield from self._check()
        if failed is not None:
            return failed
        return (yield from self.work())

    @abstractmethod
    def work(self) -> Steps[dict[str, Any]]:
        """Do the work after the checks. Returns the task's result."""

    def _check(self) -> Steps[dict[str, Any] | None]:
        """Check the host and open the door. Returns the task's result if a check failed."""
        wanted, ssh = self.options["preflight"], self.options["ssh"]
        timeout = float(self.options["connect_timeout"])
        if wanted is not None:
            checked = yield from self.checked(wanted, timeout)
            if checked.failure is not None:
                failed = {"failed": True, "changed": False, "msg": checked.failure.text}
                return failed | {"dx": checked.record | {"done": True}}
            self._preflight = checked.record | {"status": None}
            ssh = checked.record["ssh"]
            yield News({"kind": "preflight"} | self._preflight, urgent=False)
        self._opened = self.machine.now()
        self._door.open(ssh, connect_timeout=timeout, batch_mode=bool(self.options["batch_mode"]))
        self.options["ssh"] = ssh
        return None

    def checked(self, wanted: Mapping[str, Any], timeout: float) -> Steps[Preflight]:
        """Run the checks before first contact, each within ``timeout`` seconds."""
        return (yield from ask(CHECK_SECONDS, lambda door: door.check(wanted, timeout)))

    def watched(self, look: Callable[[int], Steps[dict[str, Any]]]) -> Steps[dict[str, Any]]:
        """Look once, or again and again; each record is news, but for that of the last result.

        ``look`` gets the seconds that the VM may wait for a change. It looks once where hosts wait
        for each other: one that waits for a change would hold up the others.
        """
        left = 0.0 if self.crowd.crowded else float(self.options["watch"])
        end = self.machine.now() + left
        while True:
            wait = min(int(self.options["longest_wait"]), math.ceil(left)) if left > 0 else 0
            result = yield from look(wait)
            left = end - self.machine.now()
            if left <= 0 or result["failed"]:
                return result
            yield News(result["dx"] | {"done": False})

    def name(self, given: str, option: str) -> str:
        """The given id, else the preflight's. Raises ValueError if there is neither."""
        if given:
            return given
        if self._preflight is None:
            raise ValueError(
                f"one of the options {option} and preflight is needed; "
                "preflight: {} checks the host and makes an id"
            )
        return str(self._preflight["id"])

    def tell_preflight(
        self, record: dict[str, Any], error: str | None, attempts: int, *, ended: bool
    ) -> None:
        """Add the preflight's result to the record, once: on first contact, or at the end.

        The first contact is its last check. If the connection was lost, the status stays None:
        nobody knows how far the connection came.
        """
        known, door = self._preflight, self._door
        if known is None or known["status"] is not None or not (door.reached or ended):
            return
        if door.reached:
            known["status"] = str(PreflightStatus.OK)
        else:
            known["duration_ms"] += round((self.machine.now() - self._opened) * 1000)
            if door.failure not in {None, SshFailure.LOST}:
                known |= {"status": str(STATUS[door.failure]), "error": error}
        record["preflight"] = known | {"attempts": attempts}


class CallRun(HostRun):
    """A run without further attempts: the subclass's `call` asks the VM and judges the answer."""

    def work(self) -> Steps[dict[str, Any]]:
        """Ask the VM, and add the preflight's result to the record."""
        record: dict[str, Any] = {"kind": self.kind, "error": None}
        try:
            result = yield from self.call(record)
        except CallError as error:
            record["error"] = explain(self.host, error)
            result = {"failed": True, "msg": record["error"]}
        self.tell_preflight(record, record["error"], attempts=1, ended=True)
        return {"failed": False, "changed": False, "dx": record | {"done": True}} | result

    @abstractmethod
    def call(self, record: dict[str, Any]) -> Steps[dict[str, Any]]:
        """Ask the VM and complete the record. Returns further keys of the task's result.

        A CallError becomes the record's ``error``.
        """
