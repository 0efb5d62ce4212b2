"""The keeper's verbs on the model of the VM, each a process that answers one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulation import replies
from tests.simulation.notes import note
from tests.simulation.output import Stream
from tests.simulation.process import Process
from tests.simulation.session import (
    GOING_ON,
    KeeperFailure,
    Record,
    Session,
    State,
    settle,
    state_of,
    supervised,
)
from tests.simulation.supervisor import Limits, clean, end_record, rebooted, stop_tree, supervise
from tests.simulation.turn_script import turn_files

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    from tests.simulation.vm import Vm

__all__ = ["Call", "serve"]

_RECORDED = {"exited", "timeout", "idle", "aborted", "killed"}
_NO_ROOM = "cannot write to the state directory: is the disk full?"


class Call:
    """A call that has reached the VM, and what it has printed so far."""

    __slots__ = ("announced", "code", "ended", "options", "payload", "printed", "process", "verb")

    def __init__(self, verb: str, options: Mapping[str, str], payload: bytes) -> None:
        """``options`` are the keeper's arguments."""
        self.verb, self.options, self.payload = verb, options, payload
        self.printed, self.code = b"", 0
        self.announced = self.ended = False
        self.process: Process | None = None

    def number(self, name: str) -> int:
        """Return an option that is a number, 0 if it is missing."""
        return int(self.options.get(name, "0"))


def serve(vm: Vm, call: Call) -> Process:
    """Begin a call's process."""
    call.process = vm.begin(call.verb, lambda me: _guarded(vm, call, me))
    return call.process


def _guarded(vm: Vm, call: Call, me: Process) -> Iterator[Any]:
    try:
        if call.verb == "install":
            yield from _install(vm, call)
        elif not vm.stored:
            call.printed += replies.refusal(call.options["mark"], "state=absent")
        else:
            yield from _VERBS[call.verb](vm, call, me)
    except KeeperFailure as failure:
        call.printed += replies.error(call.options["mark"], str(failure))
        call.code = 1
    call.ended = True


def _install(vm: Vm, call: Call) -> Iterator[Any]:
    yield "store"
    if vm.disk_full:
        call.code, call.printed = 1, b"cat: write error: No space left on device\n"
        return
    vm.stored = True


def _about(call: Call) -> tuple[str, str, bytes]:
    """Return the digest, what listings tell, and the rest of the payload."""
    if call.options.get("about") != "yes":
        return "", "", call.payload
    line, newline, rest = call.payload.partition(b"\n")
    if not newline:
        raise KeeperFailure("the command did not arrive whole")
    digest, _sep, told = line.decode(errors="replace").partition(" ")
    if not digest or digest.strip("0123456789abcdef"):
        raise KeeperFailure("bad digest")
    return digest, told, rest


def _conflicts(session: Session | None, digest: str) -> bool:
    known = session.files.get("digest") if session else None
    return bool(digest and known and known != digest)


def _forgotten(vm: Vm, call: Call, words: str = "") -> bool:
    since = call.number("since")
    if not since or vm.uptime() >= since:
        return False
    said = f"state=lost restarted=yes{words} token=-"
    call.printed += replies.refusal(call.options["mark"], said)
    return True


def _start(vm: Vm, call: Call, me: Process) -> Iterator[Any]:
    options, name = call.options, call.options["id"]
    yield "begin"
    digest, told, text = _about(call)
    attached = True
    if name in vm.sessions:
        _announce(call)
    else:
        if _forgotten(vm, call):
            return
        if options.get("need") and options["need"] == vm.missing:
            call.printed += replies.refusal(options["mark"], "state=missing message=/bin")
            return
        yield "stage"
        if vm.disk_full:
            raise KeeperFailure(_NO_ROOM)
        if len(text) != call.number("length") + call.number("input"):
            raise KeeperFailure("the command did not arrive whole")
        staged = _staged(vm, call, me, (digest, told, text))
        yield "announce"
        _announce(call)
        yield "publish"
        if vm.publish(staged):
            attached = False
            yield from _launch(vm, call, staged)
    session = vm.sessions.get(name)
    if session is None:
        raise KeeperFailure("cannot write to the state directory")
    if _conflicts(session, digest):
        if _forgotten(vm, call):
            return
        state = State("conflict")
    else:
        yield from _await(vm, call, session)
        state = state_of(vm, session)
    call.printed += replies.reply(vm, session, state, options, attached=attached)


def _announce(call: Call) -> None:
    call.announced = True
    call.printed += replies.announcement(call.options["mark"])


def _staged(vm: Vm, call: Call, me: Process, given: tuple[str, str, bytes]) -> Session:
    """Return what a session begins with, from its digest, what listings tell, and its text."""
    digest, told, text = given
    staged, options = Session(call.options["id"], vm.loop.now), call.options
    limit = call.number("limit") or 4194304
    staged.out, staged.err = Stream(limit), Stream(limit)
    told_to = turn_files(text) if options.get("meta") else {"command": int(text.split()[-1])}
    staged.files = {"claim": (me,), **told_to, "reserve": True}
    if options.get("progress"):
        staged.files["progress"] = options["progress"]
    if options.get("token"):
        staged.files["token"] = options["token"]
    if digest:
        staged.files |= {"digest": digest, "about": told}
    if call.number("delay"):
        staged.files["due"] = int(vm.wall()) + call.number("delay")
    return staged


def _launch(vm: Vm, call: Call, session: Session) -> Iterator[Any]:
    given = call.options
    limits = Limits(
        float(given.get("deadline") or 0), call.number("delay"), float(given.get("idle") or 0)
    )
    yield "launch"
    supervisor = vm.begin("supervise", supervise(vm, session, limits))
    yield "claim"
    vm.write(session, "claim", (*session.files["claim"], supervisor))
    yield "began"
    if not vm.disk_full and "due" not in session.files:
        vm.write(session, "began", int(vm.wall()))


def _await(vm: Vm, call: Call, session: Session) -> Iterator[Any]:
    """Wait for news of a session."""
    began, heard, wait = vm.loop.now, None, call.number("wait")
    while True:
        found = state_of(vm, session)
        if found.state not in GOING_ON and (found.state != "scheduled" or call.verb == "start"):
            return
        if found.unsettled:
            raise KeeperFailure(_NO_ROOM)
        if heard is None and _pending(call, session):
            heard = vm.loop.now
        left = began + wait - vm.loop.now
        if heard is not None:
            left = min(left, heard + 0.05 - vm.loop.now)
        if left <= 0:
            return
        yield session, left + 1e-6


def _pending(call: Call, session: Session) -> bool:
    out, err = session.out, session.err
    return bool(out and err) and (
        out.total > call.number("out") or err.total > call.number("err")  # type: ignore[union-attr] # see above
    )


def _poll(vm: Vm, call: Call, _me: Process) -> Iterator[Any]:
    yield "begin"
    session = vm.sessions.get(call.options["id"])
    if session is not None:
        yield from _await(vm, call, session)
        session = vm.sessions.get(call.options["id"])
    call.printed += replies.reply(vm, session, state_of(vm, session), call.options)


def _abort(vm: Vm, call: Call, _me: Process) -> Iterator[Any]:
    name = call.options["id"]
    yield "begin"
    digest, _told, _rest = _about(call)
    if name not in vm.sessions:
        yield "stage"
        if vm.disk_full:
            raise KeeperFailure(_NO_ROOM)
        staged = Session(name, vm.loop.now)
        at = int(vm.wall())
        staged.files["supervisor"] = Record("aborted", verified=True, out_end=0, err_end=0, at=at)
        yield "publish"
        vm.publish(staged)
    session = vm.sessions[name]
    kept = "claim" in session.files and not _conflicts(session, digest)
    if not kept and _forgotten(vm, call, " verified=yes"):
        return
    if _conflicts(session, digest):
        call.printed += replies.reply(vm, session, State("conflict"), call.options)
        return
    if call.options.get("settle") == "yes":
        state = state_of(vm, session)
        call.printed += replies.reply(vm, session, state, call.options)
        return
    yield "settle"
    state = settle(vm, session, "aborted")
    sleeper = session.files.get("sleeper")
    if isinstance(sleeper, Process):
        sleeper.signal("aborted")
    state = yield from _until_ended(vm, call, session, state)
    stopped = yield from _stop_rest(vm, call, session, state)
    state = state_of(vm, session)
    call.printed += replies.reply(vm, session, state, call.options, stopped=stopped)


def _until_ended(vm: Vm, call: Call, session: Session, state: State) -> Generator[Any, None, State]:
    began = vm.loop.now
    while state.state in GOING_ON:
        if state.state == "running" and supervised(vm, session):
            session.files["supervisor"].signal("aborted")
        left = began + call.number("wait") - vm.loop.now
        if left <= 0:
            break
        yield session, min(left, 0.5) + 1e-6
        state = state_of(vm, session)
    return state


def _stop_rest(vm: Vm, call: Call, session: Session, state: State) -> Generator[Any, None, int]:
    """Stop what a session has left behind. Returns how many processes have ended by that."""
    record = state.record
    if record is not None and record.verified:
        return 0
    work = session.work
    answer: list[Any] = [True, "-"]
    if state.state == "lost":
        gone = rebooted(vm, session) and not (work and work.living and work.boot == vm.boot)
        if not gone:
            yield from stop_tree(vm, work, answer)
        yield "end"
        vm.forget_text(session)
        if vm.has_room(session):
            found = end_record(vm, session, "lost", answer[0], answer[1])
            vm.write(session, "end", found)
        return 0
    if state.state in _RECORDED and record is not None and not state.settled:
        if call.options.get("remnants") != "yes":
            return 0
        before = work.living if work else 0
        yield from stop_tree(vm, work, answer)
        left = work.living if work else 0
        hidden = left if work and work.behaviour.get("stray") else 0
        yield "amend"
        if vm.has_room(session):
            changed: dict[str, Any] = {
                "verified": answer[0],
                "remains": answer[1],
                "left": left - hidden,
            }
            vm.write(session, "end", record._replace(**changed))
        return max(0, before - left)
    if state.unsettled:
        raise KeeperFailure(_NO_ROOM)
    return 0


def _list(vm: Vm, call: Call, _me: Process) -> Iterator[Any]:
    yield "begin"
    call.printed += replies.listing(vm, call.options)


def _clean(vm: Vm, call: Call, _me: Process) -> Iterator[Any]:
    yield "begin"
    if call.options.get("turns") != "yes" and call.options.get("dry") != "yes":
        clean(vm, call.number("age"))
    call.printed += replies.refusal(call.options["mark"], "state=ok")


def _ping(vm: Vm, call: Call, _me: Process) -> Iterator[Any]:
    yield "begin"
    running = sum(
        state_of(vm, each).state in GOING_ON
        for each in list(vm.sessions.values())
        if "end" not in each.files
    )
    call.printed += replies.refusal(
        call.options["mark"], f"state=ok load=0.10 running={running} stamp=-"
    )


_VERBS: Mapping[str, Callable[[Vm, Call, Process], Iterator[Any]]] = {
    "start": _start,
    "poll": _poll,
    "abort": _abort,
    "list": _list,
    "clean": _clean,
    "note": note,
    "ping": _ping,
}
