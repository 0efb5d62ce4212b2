"""Notes on a session on the model of the VM (`8-note.sh`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulation.session import KeeperFailure, Session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulation.process import Process
    from tests.simulation.verbs import Call
    from tests.simulation.vm import Vm

__all__ = ["names_of", "note"]

_NOTE = "note."


def names_of(session: Session) -> str:
    """Return the names of a session's notes, as a listing has them."""
    names = sorted(name.removeprefix(_NOTE) for name in session.files if name.startswith(_NOTE))
    return ",".join(names) or "-"


def note(vm: Vm, call: Call, _me: Process) -> Iterator[Any]:
    """Add a note, unless there is one of that name."""
    yield "begin"
    mark, name = call.options["mark"], call.options["id"]
    if len(call.payload) < call.number("length"):
        raise KeeperFailure("the note did not arrive whole")
    if name not in vm.sessions:
        raise KeeperFailure(f"there is no session {name}")
    session, file, state = vm.sessions[name], _NOTE + call.options["name"], "kept"
    if file not in session.files:
        if not vm.has_room(None):
            raise KeeperFailure(f"cannot write to {name}")
        yield "link"
        if file not in session.files:
            vm.write(session, file, call.payload[: call.number("length")].decode())
            state = "made"
    lines = [
        f"{each.removeprefix(_NOTE)} {text}\n"
        for each, text in sorted(session.files.items())
        if each.startswith(_NOTE)
    ]
    call.printed += f"\n{mark} state={state}\n{''.join(lines)}{mark} end\n".encode()
