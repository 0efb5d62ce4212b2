"""A model of the VM: its files, processes, power, disk and clocks, and the truth about each."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, Any

from tests.simulation.process import Process, Work
from tests.simulation.turn_script import run_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.simulation.loop import Chance, Loop
    from tests.simulation.session import Record, Session

__all__ = ["EPOCH", "Vm"]

EPOCH = 1_764_547_200
"""The wall clock at moment 0."""


class Vm:
    """One VM. What the keeper can read is in `sessions`; what really happened in `truth`."""

    def __init__(self, plan: Mapping[str, Any], loop: Loop, chance: Chance) -> None:
        """``plan`` is as in `plan`."""
        self.loop, self.chance = loop, chance
        self.commands: list[Mapping[str, Any]] = plan["commands"]
        self.turns: list[Mapping[str, Any]] = plan.get("turns", [])
        self.missing: str = plan.get("missing", "")
        """A program that is not there."""
        self.epoch, self.home = EPOCH, str(plan.get("home", "/home/u"))
        self.slow: float = plan.get("slow", 1.0)
        self.boot, self.up, self.booted = "boot-1", True, -float(plan.get("uptime", 1e6))
        self.wall_offset = 0.0
        self.sessions: dict[str, Session] = {}
        self.stored = bool(plan.get("stored", True))
        """The keeper's script is on the VM."""
        self.disk_full = self.no_processes = False
        self.greedy = bool(plan.get("greedy"))
        """Others take what the reserve frees."""
        self.processes: dict[Process, None] = {}
        self.truth: dict[str, list[Work]] = defaultdict(list)
        self.removed: set[str] = set()
        """Names of sessions that were cleaned."""
        self.cleaned_hour = -1
        self._journal: list[tuple[float, Callable[[], object]]] | None = None
        if any(each["kind"] == "power" for each in plan["faults"]):
            self._journal = []
        self.kills: dict[tuple[str, str], list[Any]] = {}
        for each in plan["faults"]:
            if each["kind"] == "kill_step":
                found = [each.get("nth", 1), each["when"]]
                self.kills.setdefault((each["process"], each["step"]), found)

    # clocks

    def wall(self) -> float:
        """Return the seconds since 1970 by its clock, which somebody may set."""
        return EPOCH + self.loop.now + self.wall_offset

    def uptime(self) -> float:
        """Return the seconds since it has started."""
        return self.loop.now - self.booted

    # files

    def has_room(self, session: Session | None) -> bool:
        """Whether something can be written; uses what the session has in reserve."""
        if not self.disk_full:
            return True
        if session is None or self.greedy:
            return False
        if "reserve" in session.files:
            del session.files["reserve"]
            session.room = True
        return session.room

    def write(self, session: Session, name: str, content: object) -> None:
        """Write a file of a session, and tell those who wait for news."""
        if self._journal is not None:
            old, had = session.files.get(name), name in session.files
            files = session.files
            undo = partial(files.__setitem__, name, old) if had else partial(files.pop, name, None)
            self._journal.append((self.loop.now, undo))
        session.files[name] = content
        session.written = self.loop.now
        self.notify(session)

    def remove(self, session: Session, *names: str) -> None:
        """Remove files."""
        for name in names:
            if name in session.files:
                if self._journal is not None:
                    old, files = session.files[name], session.files
                    self._journal.append((self.loop.now, partial(files.__setitem__, name, old)))
                del session.files[name]
        session.written = self.loop.now

    def forget_text(self, session: Session) -> None:
        """Remove what the command was told to do, and the pipes."""
        self.remove(session, "command", "reserve", "waits")
        session.room = False

    def publish(self, session: Session) -> bool:
        """Move a directory into place, if there is none yet."""
        name = session.name
        if name in self.sessions:
            return False
        self.sessions[name] = session
        if self._journal is not None:
            self._journal.append((self.loop.now, partial(self.sessions.pop, name, None)))
        return True

    def forget(self, session: Session) -> None:
        """Remove a session that ended long ago."""
        del self.sessions[session.name]
        self.removed.add(session.name)

    # processes

    def begin(self, kind: str, script: Callable[[Process], Any]) -> Process:
        """Begin a process."""
        process = Process(self, kind)
        process.steps = script(process)
        self.processes[process] = None
        self.loop.after(self._moment(), self.resume, process, 0)
        return process

    def resume(self, process: Process, turn: int) -> None:
        """Go on with a process that has slept or waited, unless something else woke it."""
        if not process.alive or process.turn != turn:
            return
        process.turn += 1
        try:
            step = next(process.steps)
        except StopIteration:
            process.alive = False
            self.processes.pop(process, None)
            if process.on_end is not None:
                process.on_end("exit")
            return
        if process.doomed:
            self.kill(process)
        elif isinstance(step, str):
            self._step(process, step)
        elif isinstance(step, tuple):
            session, seconds = step
            session.waiters.append((process, process.turn))
            self.loop.after(seconds, self.resume, process, process.turn)
        else:
            self.loop.after(step, self.resume, process, process.turn)

    def _step(self, process: Process, step: str) -> None:
        point = self.kills.get((process.kind, step))
        if point is not None:
            point[0] -= 1
            if point[0] == 0:
                if point[1] == "before":
                    self.kill(process)
                    return
                process.doomed = True
        if self.no_processes and self.chance() < 0.3:
            self.kill(process, "fork")
            return
        self.loop.after(self._moment(), self.resume, process, process.turn)

    def _moment(self) -> float:
        return (0.0003 + 0.002 * self.chance()) * self.slow

    def kill(self, process: Process, how: str = "killed") -> None:
        """End a process at once."""
        if process.alive:
            process.alive = False
            self.processes.pop(process, None)
            process.steps.close()
            if process.on_end is not None:
                process.on_end(how)
            for session in self.sessions.values():
                self.notify(session)

    def notify(self, session: Session) -> None:
        """Wake those who wait for news of a session."""
        if session.waiters:
            waiters, session.waiters = session.waiters, []
            for process, turn in waiters:
                self.loop.after(0.005 + 0.01 * self.chance(), self.resume, process, turn)

    def run(self, session: Session) -> Work:
        """Begin the user's command of a session."""
        files = session.files
        if "meta" in files:
            session.work = turn = run_turn(self, session)
            self.truth[session.name].append(turn)
            return turn
        behaviour = self.commands[files["command"]]
        work = Work(self, session.name, behaviour, files.get("digest", ""), files.get("token", ""))
        session.work = work
        self.truth[session.name].append(work)
        work.rest = int(behaviour.get("left", 0) > 0 and behaviour["seconds"] == 0)
        self._plan_output(session, work)
        self.loop.after(behaviour["seconds"], self.end_work, session, work, behaviour["code"])
        return work

    def _plan_output(self, session: Session, work: Work) -> None:
        behaviour = work.behaviour
        for name in ("out", "err"):
            for part, count in behaviour.get(name, ()):
                self.loop.after(
                    part * behaviour["seconds"], self._print, session, work, name, count
                )

    def _print(self, session: Session, work: Work, name: str, count: int) -> None:
        if work.running and not work.cut_off:
            stream = getattr(session, name)
            if self.disk_full:
                if "full" not in session.files:
                    session.files["full"] = True
                return
            stream.write(count)
            self.notify(session)

    def end_work(self, session: Session, work: Work, code: int) -> None:
        """End a command by itself, unless it was ended before."""
        if work.running:
            work.rest = int(work.behaviour.get("left", 0) > 0)
            if work.rest:
                self.loop.after(work.behaviour["left"], self._end_rest, work)
            work.end("exit", code)
            self.wake_supervisor(session)

    def _end_rest(self, work: Work) -> None:
        work.rest = 0

    def wake_supervisor(self, session: Session) -> None:
        """Tell the supervisor that its command has ended."""
        found = session.files.get("supervisor")
        if isinstance(found, Process) and found.alive:
            found.turn += 1
            self.loop.after(0.001, self.resume, found, found.turn)

    # power

    def go_down(self, how: str, lag: float = 0.0) -> None:
        """End everything. ``how`` is ``power``, or ``down`` where the disk was synced.

        What was written in the last ``lag`` seconds before a power loss is lost.
        """
        self.up = False
        for process in list(self.processes):
            self.kill(process, "down")
        for works in self.truth.values():
            for work in works:
                work.end("down")
                work.rest = 0
        if how == "power" and self._journal is not None:
            while self._journal and self._journal[-1][0] > self.loop.now - lag:
                self._journal.pop()[1]()
        for session in self.sessions.values():
            session.waiters = []

    def come_up(self) -> None:
        """Start again."""
        self.up = True
        self.boot = f"boot-{int(self.boot[5:]) + 1}"
        self.booted = self.loop.now

    def end_all(self) -> None:
        """Kill all processes of the user, as an administrator may, or the end of a container."""
        for process in list(self.processes):
            self.kill(process)
        for works in self.truth.values():
            for work in works:
                work.end("killed")
                work.rest = 0

    def records(self) -> dict[str, Record]:
        """Return the end records that there are, by session."""
        return {
            name: session.files["end"]
            for name, session in self.sessions.items()
            if "end" in session.files
        }
