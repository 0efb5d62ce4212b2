"""A session's supervisor on the model of the VM (`7-supervisor.sh`, `7-stop.sh`, `8-clean.sh`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tests.simulation.session import GOING_ON, Record, settle, state_of
from tests.simulation.timers import watch_turn
from tests.simulation.turn_script import TurnWork

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from tests.simulation.process import Process, Work
    from tests.simulation.session import Session
    from tests.simulation.vm import Vm

__all__ = ["Limits", "clean", "end_record", "rebooted", "stop_tree", "supervise"]

_GRACE, _GIVE_UP = 2.0, 4.0
_DAY = 86400.0


class Limits(NamedTuple):
    """What a start has asked for. Seconds; 0 is no limit."""

    deadline: float
    delay: int
    idle: float = 0.0


def supervise(vm: Vm, session: Session, limits: Limits) -> Callable[[Process], Iterator[Any]]:
    """Return the script of a session's supervisor."""

    def script(me: Process) -> Iterator[Any]:
        if limits.delay and not (yield from _await_start(vm, session, limits.delay, me)):
            return
        yield "take"
        if not (yield from _take(vm, session, me)):
            vm.forget_text(session)
            return
        yield "run"
        work = vm.run(session)
        yield "leader"
        if vm.has_room(session):
            vm.write(session, "leader", work)
        if isinstance(work, TurnWork):
            watch_turn(vm, session, work, me, (limits.deadline, limits.idle))
        elif limits.deadline:
            vm.loop.after(limits.deadline, me.signal, "timeout")
        while work.running and not me.ending:
            yield _DAY
        yield from _end(vm, session, work, me)
        clean_if_due(vm)

    return script


def _await_start(vm: Vm, session: Session, delay: int, me: Process) -> Generator[Any, None, bool]:
    yield "sleeper"
    vm.write(session, "claim", (*session.files["claim"], me))
    vm.write(session, "sleeper", me)
    due = vm.uptime() + delay
    while vm.uptime() < due and not me.ending and "supervisor" not in session.files:
        # a rest may be too short for the clock
        yield min(due - vm.uptime(), 60.0) + 1e-6
    yield "awake"
    vm.remove(session, "sleeper")
    if me.ending or "supervisor" in session.files:
        settle(vm, session, "unstarted")
        vm.forget_text(session)
        return False
    vm.remove(session, "due")
    yield "began"
    vm.write(session, "began", int(vm.wall()))
    return True


def _take(vm: Vm, session: Session, me: Process) -> Generator[Any, None, bool]:
    """Take the session, unless somebody has settled that it never starts."""
    if vm.disk_full and not session.room:
        return False
    vm.write(session, "claim", (*session.files["claim"], me))
    if "supervisor" in session.files:
        return False
    vm.write(session, "supervisor", "")
    yield "supervisor"
    if vm.disk_full and not session.room:
        vm.remove(session, "supervisor")
        return False
    vm.write(session, "supervisor", me)
    return True


def stop_tree(vm: Vm, work: Work | None, answer: list[Any]) -> Iterator[Any]:
    """Stop what runs of a session. ``answer`` gets whether all is gone, and what may be left."""
    yield 0.02
    manner = "dies" if work is None else work.behaviour.get("term", "dies")
    verified = True
    if work is not None and work.living:
        if manner == "ignores":
            yield _GRACE
        if manner == "stays":
            end = vm.loop.now + _GIVE_UP
            while vm.loop.now < end and work.living:
                yield end - vm.loop.now
            verified = not work.living
        else:
            work.end("stop")
            work.rest = 0 if not work.behaviour.get("stray") else work.rest
        yield 0.1
    if work is not None and work.behaviour.get("stray") and work.boot == vm.boot:
        if manner != "stays" and not work.rest and not work.left_until:
            work.rest, work.left_until = 1, vm.loop.now + 300.0
            vm.loop.after(300.0, vm._end_rest, work)
        verified = verified and not work.rest
    answer[:] = [verified, "-" if verified else "4711:root:job"]


def _end(vm: Vm, session: Session, work: Work, me: Process) -> Iterator[Any]:
    code, verified, remains, left = None, None, "-", 0
    if me.ending:
        answer: list[Any] = []
        yield from stop_tree(vm, work, answer)
        verified, remains = answer
    else:
        me.ending = "exited"  # a signal comes too late from now on
        code, left = work.code, 0 if work.behaviour.get("stray") else work.rest
        yield 0.005
    for stream in (session.out, session.err):
        if stream is not None:
            stream.close()
    yield "forget"
    vm.forget_text(session)
    session.room = vm.disk_full and not vm.greedy
    for seconds in (0.0, 0.05, 0.1, 0.2, 0.5, 1.0, 1.0, 2.0, 2.0, 4.0, 4.0):
        if seconds:
            yield seconds
        yield "end"
        if vm.has_room(session):
            found = code if code is not None else None
            if "meta" in session.files:
                vm.write(session, "last", True)  # noqa: FBT003 - a content
            record = end_record(vm, session, me.ending, verified, remains)
            vm.write(session, "end", record._replace(code=found, left=left))
            break
    session.room = False
    yield "ended"


def end_record(
    vm: Vm,
    session: Session,
    state: str,
    verified: bool | None,  # noqa: FBT001 - a field
    remains: str = "-",
) -> Record:
    """Make the end record, as of now."""
    out, err = session.out, session.err
    return Record(
        state,
        verified=verified,
        out_end=out.total if out else 0,
        err_end=err.total if err else 0,
        out_cut=out.gap if out else 0,
        err_cut=err.gap if err else 0,
        at=int(vm.wall()),
        remains=remains,
    )


def rebooted(vm: Vm, session: Session) -> bool:
    """Whether the VM has restarted since the supervisor began, as far as its record tells."""
    found = session.supervisor
    return not isinstance(found, Record) and bool(found) and found.boot != vm.boot


def clean_if_due(vm: Vm) -> None:
    """Clean once an hour."""
    hour = int(vm.wall() // 3600)
    if vm.cleaned_hour != hour and not vm.disk_full:
        vm.cleaned_hour = hour
        clean(vm, 7)


def clean(vm: Vm, days: int) -> None:
    """Remove what ended so many days ago, and the output of what ended a day ago."""
    for session in list(vm.sessions.values()):
        age = vm.loop.now - session.written
        if age < min(days, 1) * _DAY or not _has_ended(vm, session):
            continue
        turn = "." in session.name  # stays until somebody asks
        if age >= days * _DAY and (not turn or state_of(vm, session).state == "unstarted"):
            vm.forget(session)
        elif age >= _DAY and not turn:
            for stream in (session.out, session.err):
                if stream is not None:
                    stream.drop()


def _has_ended(vm: Vm, session: Session) -> bool:
    found = state_of(vm, session)
    if found.state in GOING_ON or found.state == "scheduled":
        return False
    if found.state == "lost":
        verified = found.record is not None and found.record.verified is not None
        return verified or rebooted(vm, session)
    return True
