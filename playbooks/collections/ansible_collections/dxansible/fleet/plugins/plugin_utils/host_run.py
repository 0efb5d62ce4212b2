# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The run of one host, without IO and without Ansible.

A run is a generator. It yields the call that it wants made next, a pause, or news for the caller,
and is sent the answer of the call; a call that fails is raised at that point. A driver makes the
calls: `fan` for many hosts at a time, `solo` for one.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from .given import variables_of
from .preflight import OPTIONS, first_contact

if TYPE_CHECKING:
    from .inputs import Inputs
    from .keeper import Keeper
    from .preflight import Preflight
    from .ssh_errors import SshFailure

__all__ = [
    "CHECK_SECONDS",
    "CONTACT",
    "Ask",
    "CallRun",
    "Crowd",
    "Door",
    "HostRun",
    "News",
    "Pause",
    "Steps",
    "ask",
]

T = TypeVar("T")

CHECK_SECONDS = 60.0
"""More than all checks of a preflight take together, each of which has its own limit."""

_ALL_HOSTS, _LARGEST = 32 * 2**20, 4 * 2**20
"""Bytes of output, of all hosts together and of one at most."""
_STARTED_IN_A_SECOND = 100
_LEASE, _LONGEST_LEASE = 20, 600

CONTACT: Mapping[str, Mapping[str, Any]] = {
    "connect_timeout": {"type": "float", "default": 5.0, "variable": "dx_preflight_timeout"},
    "ssh": {"type": "dict", "default": {}},
    "batch_mode": {"type": "bool", "default": True, "variable": "dx_batch_mode"},
    "preflight": {"type": "dict", "options": OPTIONS},
}
"""Options of every run that asks the host for something."""


class Door(Protocol):
    """The driver's way to the host."""

    keeper: Keeper
    """Usable once the door is open."""

    @property
    def reached(self) -> bool:
        """Whether the host has answered a call."""

    @property
    def failure(self) -> SshFailure | None:
        """Why the last call that failed did so."""

    def check(self, options: Mapping[str, Any], seconds: float) -> Preflight:
        """Make the checks before first contact; ``seconds`` limits each."""

    def open(self, ssh: Mapping[str, Any], *, connect_timeout: float, batch_mode: bool) -> None:
        """Harden the connection."""


@dataclass(frozen=True, slots=True)
class Ask(Generic[T]):
    """A call to make; it counts as lost after ``seconds``."""

    make: Callable[[Door], T]
    seconds: float


@dataclass(frozen=True, slots=True)
class Pause:
    """Seconds in which nothing is to be asked."""

    seconds: float


@dataclass(frozen=True, slots=True)
class News:
    """A record for the caller. One that is not urgent may wait for the next that is."""

    record: dict[str, Any]
    urgent: bool = True


Steps = Generator[Ask[Any] | Pause | News, Any, T]


def ask(seconds: float, make: Callable[[Door], T]) -> Steps[T]:
    """Have a call made, and return its answer. Raises whatever it raises."""
    answer: T = yield Ask(make, seconds)
    return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """How many hosts the play has, and how many calls may be under way at a time.

    What a host may take of the memory and of the time depends on them.
    """

    hosts: int = 1
    width: int = 1

    @property
    def crowded(self) -> bool:
        """Whether hosts wait for each other."""
        return self.hosts > self.width

    @property
    def output_limit(self) -> int:
        """Bytes of each stream that are kept for a host."""
        return self._share(256 * 2**10)

    @property
    def window(self) -> int:
        """Bytes of a host's output that may be on their way to a slow reader."""
        return self._share(32 * 2**10)

    @property
    def first_wait(self) -> int:
        """Seconds to wait for news with the start, which spare a short command further calls.

        Where hosts wait for each other, start everywhere before waiting anywhere. With many calls
        at a time none of them has to wait for that.
        """
        return 0 if self.crowded and self.width < _STARTED_IN_A_SECOND else 1

    @property
    def lease(self) -> int:
        """Seconds for which a command with a slow reader waits for the next call."""
        return min(_LONGEST_LEASE, _LEASE + 10 * (self.hosts // max(1, self.width)))

    def _share(self, smallest: int) -> int:
        return max(smallest, min(_LARGEST, _ALL_HOSTS // max(1, self.hosts)))


class HostRun(ABC):
    """Checks one host, opens the way to it, and does there what its subclass says."""

    kind: ClassVar[str]
    """Of its records."""
    spec: ClassVar[Mapping[str, Mapping[str, Any]]]
    """Ansible's argument spec of its options.

    ``variable`` is that of the host which gives an option that the task leaves out.
    """
    variables: ClassVar[Mapping[str, Any]]
    """These variables, by option."""
    starts_work: ClassVar[bool] = False
    """Whether it changes the host, so that check mode has nothing to do."""
    in_check_mode: ClassVar[Mapping[str, Any]] = {}
    """Options that check mode sets."""
    of_fan: ClassVar[frozenset[str]] = frozenset()
    """Options that mean something only to who reads the news of many hosts."""
    runs_text: ClassVar[bool] = False
    """Whether a text of the user's runs on the host."""

    def __init_subclass__(cls) -> None:
        """Find the variables that the spec names."""
        cls.variables = variables_of(getattr(cls, "spec", {}))

    def __init__(
        self, host: str, options: Mapping[str, Any], inputs: Inputs, crowd: Crowd, door: Door
    ) -> None:
        """``options`` are complete and valid by `spec`."""
        self.host, self.options, self.inputs, self.crowd = host, dict(options), inputs, crowd
        self._door = door
        self._preflight: dict[str, Any] | None = None
        self._opened = time.monotonic()
        self.check_options()

    def check_options(self) -> None:  # noqa: B027 - most have nothing to check
        """Raise ValueError for an option that can't be used; the text names it."""

    def steps(self) -> Steps[dict[str, Any]]:
        """Go through the run; returns the result of a task, with the last record in ``dx``."""
        failed = yield from self._check()
        if failed is not None:
            return failed
        return (yield from self.work())

    @abstractmethod
    def work(self) -> Steps[dict[str, Any]]:
        """What comes after the checks."""

    def _check(self) -> Steps[dict[str, Any] | None]:
        """Check the host and open the door; returns the result if a check has failed."""
        wanted, ssh = self.options["preflight"], self.options["ssh"]
        timeout = float(self.options["connect_timeout"])
        if wanted is not None:
            checked = yield from ask(CHECK_SECONDS, lambda door: door.check(wanted, timeout))
            if checked.failure is not None:
                failed = {"failed": True, "changed": False, "msg": checked.failure.text}
                return failed | {"dx": checked.record | {"done": True}}
            self._preflight = checked.record | {"status": None}
            ssh = checked.record["ssh"]
            yield News({"kind": "preflight"} | self._preflight, urgent=False)
        self._opened = time.monotonic()
        self._door.open(ssh, connect_timeout=timeout, batch_mode=bool(self.options["batch_mode"]))
        self.options["ssh"] = ssh
        return None

    def name(self, given: str, option: str) -> str:
        """The id that was given, else the one that the preflight has made. Raises ValueError."""
        if given:
            return given
        if self._preflight is None:
            message = f"one of the options {option} and preflight is needed"
            raise ValueError(message)
        return str(self._preflight["id"])

    def tell_preflight(
        self, record: dict[str, Any], error: str | None, attempts: int, *, ended: bool
    ) -> None:
        """Add to the record, once, how the preflight went: with first contact, or at the end."""
        known = self._preflight
        if known is None or known["status"] is not None or not (self._door.reached or ended):
            return
        first_contact(known, self._door, error)
        if not self._door.reached:
            known["duration_ms"] += round((time.monotonic() - self._opened) * 1000)
        record["preflight"] = known | {"attempts": attempts}


class CallRun(HostRun):
    """Asks the VM for one thing, in one go; a subclass says in `call` what, and what it means."""

    def work(self) -> Steps[dict[str, Any]]:
        """Ask, and complete the record with what came of the preflight."""
        record: dict[str, Any] = {"kind": self.kind}
        result = yield from self.call(record)
        self.tell_preflight(record, record["error"], attempts=1, ended=True)
        return {"changed": False, "dx": record | {"done": True}} | result

    @abstractmethod
    def call(self, record: dict[str, Any]) -> Steps[dict[str, Any]]:
        """Ask the VM, complete the record, and return what else the task's result has."""
