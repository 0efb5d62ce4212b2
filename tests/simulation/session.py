"""A session's directory on the model of the VM, and its state (`3-state.sh`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from tests.simulation.output import Stream
    from tests.simulation.process import Process, Work
    from tests.simulation.vm import Vm

__all__ = ["KeeperFailure", "Record", "Session", "State", "settle", "state_of"]

GOING_ON = frozenset({"starting", "running"})


class KeeperFailure(Exception):  # noqa: N818 - `fail` of the keeper, an answer
    """The keeper answers that the VM can't do it."""


class Record(NamedTuple):
    """The record of an end, in ``end`` or ``supervisor``."""

    state: str
    code: int | None = None
    verified: bool | None = None
    left: int = 0
    out_end: int | None = None
    err_end: int | None = None
    out_cut: int = 0
    err_cut: int = 0
    at: int | None = None
    remains: str = "-"


class State(NamedTuple):
    """What the keeper says of a session at a moment."""

    state: str
    record: Record | None = None
    settled: bool = False
    """The record is that of a session which never begins."""
    unsettled: bool = False
    """The disk has no room for the decision."""


class Session:
    """One session's files. ``files`` has their contents, or that they exist."""

    __slots__ = ("err", "files", "name", "out", "room", "waiters", "work", "written")

    def __init__(self, name: str, moment: float) -> None:
        """Begin with an empty directory."""
        self.name = name
        self.files: dict[str, Any] = {}
        self.out: Stream | None = None
        self.err: Stream | None = None
        self.room = False
        """What was kept in reserve is free."""
        self.waiters: list[tuple[Process, int]] = []
        self.work: Work | None = None
        """The truth, which no file has: what runs of it."""
        self.written = moment
        """When the directory last changed."""

    def claimed(self, vm: Vm) -> bool:
        """Whether a process that is about to start it is alive."""
        return _alive(vm, self.files.get("claim", ()))

    @property
    def supervisor(self) -> Any:  # noqa: ANN401 - a process, a record, nothing yet, or no file
        return self.files.get("supervisor")


def _alive(vm: Vm, processes: Any) -> bool:  # noqa: ANN401 - as above
    return any(each.alive and each.boot == vm.boot for each in processes)


def supervised(vm: Vm, session: Session) -> bool:
    """Whether its supervisor is alive."""
    found = session.supervisor
    return bool(found) and not isinstance(found, Record) and _alive(vm, (found,))


def state_of(vm: Vm, session: Session | None) -> State:  # noqa: PLR0911 - as the keeper has it
    """Return the state. A session whose claim is dead is settled."""
    if session is None:
        return State("unknown")
    files = session.files
    if "end" in files:
        return State(files["end"].state, files["end"])
    if "supervisor" in files:
        found = files["supervisor"]
        if found == "" and session.claimed(vm):
            return State("starting")
        if supervised(vm, session):
            return State("running")
        if isinstance(found, Record):
            return State(found.state, found, settled=True)
        return State("lost")
    if session.claimed(vm):
        return State("scheduled" if "due" in files else "starting")
    return settle(vm, session, "unstarted")


def settle(vm: Vm, session: Session, word: str) -> State:
    """Make sure that a session which has not begun never will; leave one that has alone."""
    claim = session.files.get("claim", ())
    if claim and claim[0].boot != vm.boot and "due" not in session.files:
        word = "lost"  # it may have run, and the power has taken what its supervisor wrote
    if "supervisor" not in session.files and vm.has_room(session):
        at = int(vm.wall())
        record = Record(word, verified=True, out_end=0, err_end=0, at=at)
        vm.write(session, "supervisor", record)
        vm.forget_text(session)
    if "supervisor" in session.files:
        return state_of(vm, session)
    return State("starting", unsettled=True)
