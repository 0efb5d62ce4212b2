"""The processes of the model of the VM: the keeper's own, and the user's commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.simulation.vm import Vm

__all__ = ["Process", "Work"]


class Process:
    """A process of the keeper.

    ``steps`` is its script. It yields the name of its next write, or seconds to sleep, or a session
    to wait for news of and the most seconds for that.
    """

    __slots__ = ("alive", "boot", "doomed", "ending", "kind", "on_end", "steps", "turn", "vm")

    def __init__(self, vm: Vm, kind: str) -> None:
        """``kind`` is the verb, or ``supervise``."""
        self.vm, self.kind, self.boot = vm, kind, vm.boot
        self.alive = True
        self.ending = ""
        """The state that a signal has told a supervisor to end with."""
        self.doomed = False
        self.turn = 0
        self.on_end: Callable[[str], None] | None = None
        """Told how it has ended: ``exit``, ``killed``, ``fork``, ``down``."""
        self.steps: Any = None

    def signal(self, ending: str) -> None:
        """Tell a supervisor to end its command; the first signal counts."""
        if self.alive and not self.ending:
            self.ending = ending
            self.turn += 1
            self.vm.loop.after(0.001, self.vm.resume, self, self.turn)


class Work:
    """What really ran of a session: the truth, which the judge reads.

    ``behaviour`` is the command's: see `plan`.
    """

    __slots__ = (
        "began", "behaviour", "boot", "code", "cut_off", "digest", "ended", "how", "left_until",
        "name", "rest", "token", "vm",
    )  # fmt: skip

    def __init__(
        self, vm: Vm, name: str, behaviour: Mapping[str, Any], digest: str, token: str
    ) -> None:
        """Begin now."""
        self.vm, self.name, self.behaviour = vm, name, behaviour
        self.digest, self.token, self.boot = digest, token, vm.boot
        self.began = vm.loop.now
        self.ended: float | None = None
        self.code: int | None = None
        self.how = ""
        """``exit``, or what ended it: ``stop``, ``killed``, ``down``."""
        self.rest = 0
        """Processes of it that are alive besides the command itself."""
        self.left_until = 0.0
        self.cut_off = False
        """Nobody copies its output any more."""

    @property
    def running(self) -> bool:
        """Whether the command itself is alive."""
        return self.ended is None

    @property
    def living(self) -> int:
        """Processes that are alive."""
        return (self.ended is None) + self.rest

    def end(self, how: str, code: int | None = None) -> None:
        """End the command itself."""
        if self.ended is None:
            self.ended, self.how, self.code = self.vm.loop.now, how, code
