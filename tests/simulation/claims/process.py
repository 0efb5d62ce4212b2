"""The processes of a machine of the model: they sleep, wait, freeze and are killed."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.loop import Loop

__all__ = ["Ask", "Crowd", "Process", "Sleep", "Steps", "Wait"]

TERMINATED = 143


class Sleep(NamedTuple):
    """A process sleeps."""

    seconds: float


class Wait(NamedTuple):
    """A process waits for another one, or for a signal that it has a trap for."""

    process: Process


class Ask(NamedTuple):
    """A process asks the remote, and gets an answer later."""

    begin: Callable[[Process, Callable[[Any], None]], None]


Step = Sleep | Wait | Ask
Steps = Generator[Step, Any, int]


class Crowd:
    """The processes of one script, which are frozen and killed together."""

    def __init__(self, loop: Loop) -> None:
        """Begin without a process."""
        self.loop = loop
        self.processes: list[Process] = []
        self.awake_at = 0.0

    def spawn(self, steps: Steps) -> Process:
        """Begin a process."""
        made = Process(self, len(self.processes) + 1, steps)
        self.processes.append(made)
        self.loop.at(self.loop.now, made.resume, made.turn, None)
        return made

    def freeze(self, seconds: float) -> None:
        """Let no process do anything for some seconds."""
        self.awake_at = max(self.awake_at, self.loop.now + seconds)

    def kill(self, *, whole: bool) -> None:
        """Kill the script itself, or the whole crowd."""
        for process in self.processes[: None if whole else 1]:
            process.end(None)


class Process:
    """One process; ``status`` is None while it lives, and of one that was killed."""

    def __init__(self, crowd: Crowd, pid: int, steps: Steps) -> None:
        """Begin nothing yet."""
        self.crowd, self.pid = crowd, pid
        self.alive = True
        self.status: int | None = None
        self.trapped = False
        """It has a trap for TERM."""
        self.signalled = False
        """A TERM has come that its trap has not seen."""
        self.turn = 0
        self._steps = steps
        self._waits = False
        self._waiters: list[tuple[Process, int]] = []

    def resume(self, turn: int, value: object) -> None:
        """Go on with the answer to the last step, unless it was given already."""
        if turn != self.turn or not self.alive:
            return
        loop = self.crowd.loop
        if self.crowd.awake_at > loop.now:
            loop.at(self.crowd.awake_at, self.resume, turn, value)
            return
        self.turn += 1
        self._waits = False
        try:
            step = self._steps.send(value)
        except StopIteration as end:
            self.end(end.value)
            return
        match step:
            case Sleep():
                loop.after(step.seconds, self.resume, self.turn, None)
            case Wait():
                self._waits = True
                if step.process.alive:
                    step.process._waiters.append((self, self.turn))
                else:
                    loop.after(0.0, self.resume, self.turn, None)
            case Ask():
                turn = self.turn
                step.begin(self, lambda answer: self.resume(turn, answer))

    def term(self) -> None:
        """Send it TERM: without a trap it ends, else it sees the signal once it can."""
        if not self.trapped:
            self.end(TERMINATED)
        elif self.alive:
            self.signalled = True
            if self._waits:
                self.crowd.loop.after(0.0, self.resume, self.turn, None)

    def end(self, status: int | None) -> None:
        """End it; None if it was killed."""
        if not self.alive:
            return
        self.alive, self.status = False, status
        self._steps.close()
        for process, turn in self._waiters:
            self.crowd.loop.after(0.0, process.resume, turn, None)

    def when_awake(self, call: Callable[[], None]) -> None:
        """Call now, or once it is no longer frozen; never if it is killed before."""
        if self.alive and self.crowd.awake_at > self.crowd.loop.now:
            self.crowd.loop.at(self.crowd.awake_at, self.when_awake, call)
        elif self.alive:
            call()
