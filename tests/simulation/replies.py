"""The bytes that the keeper prints (`5-start.sh`, `8-list.sh`, `8-ping.sh`, `8-note.sh`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulation.notes import names_of
from tests.simulation.output import Piece
from tests.simulation.session import Record, state_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.simulation.session import Session, State
    from tests.simulation.vm import Vm

__all__ = ["announcement", "error", "listing", "refusal", "reply"]

_FLAGS = {True: "yes", False: "no", None: "-"}


def announcement(mark: str) -> bytes:
    """Return the line before a start may begin."""
    return f"\n{mark}\n".encode()


def error(mark: str, text: str) -> bytes:
    """Return the answer that the VM can't do it."""
    return f"\n{mark} state=error message={text}\n{mark} end\n".encode()


def refusal(mark: str, words: str) -> bytes:
    """Return a short answer."""
    return f"\n{mark} {words}\n{mark} end\n".encode()


def _number(value: object) -> str:
    return "-" if value is None else str(value)


def _marks(vm: Vm, session: Session, state: State) -> tuple[str, str, str]:
    """Return ``starts``, ``never`` and the word of a tombstone."""
    starts, never, tombstone = "-", "no", ""
    if state.state == "aborted" and state.settled:
        never = "yes"
    if never == "yes" and "claim" not in session.files:
        never, tombstone = "no", " tombstone=yes"
    if "due" in session.files:
        if state.state == "scheduled":
            starts = str(max(0, session.files["due"] - int(vm.wall())))
        elif state.state == "unstarted":
            never = "yes"
    return starts, never, tombstone


def reply(  # noqa: PLR0913 - what a reply says
    vm: Vm,
    session: Session | None,
    state: State,
    options: Mapping[str, str],
    *,
    attached: bool = True,
    stopped: int = 0,
) -> bytes:
    """Return the reply about one session."""
    mark = options["mark"]
    if session is None or state.state in {"unknown", "conflict"}:
        return refusal(mark, f"state={state.state} token=-")
    record = state.record or Record(state.state)
    chunk = int(options.get("chunk", "524288"))
    out = _piece(session.out, int(options.get("out", "0")), chunk, record.out_end)
    err = _piece(session.err, int(options.get("err", "0")), chunk, record.err_end)
    starts, never, tombstone = _marks(vm, session, state)
    files = session.files
    head = (
        f"\n{mark} state={state.state} code={_number(record.code)} "
        f"verified={_FLAGS[record.verified]} left={record.left} remains={record.remains} "
        f"stopped={stopped} out_end={_number(record.out_end)} err_end={_number(record.err_end)} "
        f"attached={_FLAGS[attached]} torn={_FLAGS['torn' in files]} {files.get('usage', '')} "
        f"starts={starts} never={never} resumes={_resumes(vm, session, state)}{tombstone} "
        f"token={files.get('token') or '-'} full={_FLAGS['full' in files]} "
        f"expired={_FLAGS[out.expired or err.expired]} out_from={out.begin} out_upto={out.upto} "
        f"out_total={out.total} err_from={err.begin} err_upto={err.upto} err_total={err.total} "
        f"out_cut={record.out_cut} err_cut={record.err_cut}\n"
    )
    return b"%b%b%b\n%b end\n" % (
        head.encode(),
        session.out.read(out.begin, out.upto) if session.out else b"",
        session.err.read(err.begin, err.upto) if session.err else b"",
        mark.encode(),
    )


def _resumes(vm: Vm, session: Session, state: State) -> str:
    """Return the seconds until a turn goes on that waits for a usage limit."""
    if state.state != "running" or "waits" not in session.files:
        return "-"
    return str(max(0, session.files["waits"] - int(vm.wall())))


def _piece(stream: Any, offset: int, chunk: int, end: int | None) -> Piece:  # noqa: ANN401 - a stream, or none yet
    if stream is None:
        return Piece(offset, offset, 0)
    found: Piece = stream.cut(offset, chunk, end)
    return found


def listing(vm: Vm, options: Mapping[str, str]) -> bytes:
    """Return the list of the sessions."""
    mark = options["mark"]
    lines, last = [], {}
    for name, session in list(vm.sessions.items()):
        wanted = options.get("id")
        if wanted and name != wanted and not name.startswith(f"{wanted}."):
            continue
        if not name.startswith(options.get("prefix", "")):
            continue
        if options.get("turns") == "yes" and "." not in name:
            continue
        lines.append(_line(vm, session))
        if " last=yes" in lines[-1]:
            lines[-1] = lines[-1].replace(" last=yes", "")
            last[name] = _last(session)
    lines += [f"{name} last={len(data)}\n" for name, data in last.items()]
    head = f"\n{mark} state=ok load=0.10 now={int(vm.wall())} stamp=-\n"
    told = f"{head}{''.join(lines)}{mark} last\n".encode()
    return told + b"".join(last.values()) + f"\n{mark} end\n".encode()


def _last(session: Session) -> bytes:
    out = session.out
    return out.read(max(0, out.total - 4096), out.total) if out else b""


def _line(vm: Vm, session: Session) -> str:
    state = state_of(vm, session)
    record = state.record or Record(state.state)
    starts, never, tombstone = _marks(vm, session, state)
    out = session.out.total if session.out and record.out_end is None else record.out_end or 0
    err = session.err.total if session.err and record.err_end is None else record.err_end or 0
    files = session.files
    meta = files.get("meta", files.get("about"))
    about = "" if meta is None else f" meta={meta}"
    if "last" in files and record.state == "exited":
        about = f" last=yes{about}"
    full = " full=yes" if "full" in files else ""
    return (
        f"{session.name} state={state.state} code={_number(record.code)} "
        f"verified={_FLAGS[record.verified]} left={record.left} out_total={out} err_total={err} "
        f"out_cut={record.out_cut} err_cut={record.err_cut}{full} {files.get('usage', '')} "
        f"starts={starts} never={never} resumes={_resumes(vm, session, state)}{tombstone} "
        f"began={_number(files.get('began'))} at={_number(record.at)} idle=- "
        f"token={files.get('token') or '-'} notes={names_of(session)}{about}\n"
    )
