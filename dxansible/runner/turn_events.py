"""Typed events of agents' sessions, from the records of our playbooks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dxansible.outcome import FanoutOutcome, PreflightStatus, Reason, Truncation
from dxansible.turn import Changes, CleanResult, LeftOut, Push, SessionInfo, TurnResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "Cleaned",
    "EndSeen",
    "SessionsSeen",
    "TurnEnded",
    "TurnEvent",
    "TurnNews",
    "parse_turn_record",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnNews:
    """A turn was taken by its VM, waits for the one before, or has said something."""

    host: str
    session_id: str
    turn: int
    agent: str | None = None
    started: bool = False
    queued: bool = False
    finalizes: bool = False
    """What it says are the words of git, its hooks and gh, and no agent's."""
    cut: tuple[int, int] = (0, 0)
    """Bytes of both streams that are missing before the text."""
    out: str = field(default="", repr=False)
    err: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnEnded:
    """The last word on a turn, or that nothing more is to be waited for."""

    result: TurnResult


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsSeen:
    """A host has listed its sessions; or ``error`` says why not."""

    host: str
    sessions: tuple[SessionInfo, ...]
    load: float | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """A host was cleaned."""

    result: CleanResult


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSeen:
    """A turn that an audit trail is to be told of has ended.

    ``won`` says whether that is for us to tell; ``thread`` is what was noted of where it goes on.
    """

    host: str
    trail: str
    won: bool
    thread: str
    result: TurnResult


TurnEvent = TurnNews | TurnEnded | SessionsSeen | Cleaned | EndSeen


def parse_turn_record(host: str, record: Mapping[str, Any]) -> Iterator[TurnEvent]:
    """Yield what a record of the kinds ``turn``, ``sessions`` and ``clean`` says; of any, ends."""
    yield from _ends(host, record)
    match record.get("kind"):
        case "turn":
            yield from _turn(host, record)
        case "sessions":
            yield SessionsSeen(
                host=host,
                sessions=tuple(SessionInfo.of(host, found) for found in record["sessions"]),
                load=record.get("load"),
                error=record.get("error"),
            )
        case "clean":
            yield Cleaned(
                result=CleanResult(
                    host=host,
                    removed=tuple(map(str, record["removed"])),
                    removable=tuple(map(str, record.get("removable") or ())),
                    kept={str(name): str(why) for name, why in record["kept"].items()},
                    error=record.get("error"),
                )
            )
        case _:
            return


def _ends(host: str, record: Mapping[str, Any]) -> Iterator[EndSeen]:
    for end in record.get("ends") or []:
        yield EndSeen(
            host=host,
            trail=str(end["trail"]),
            won=bool(end["won"]),
            thread=str(end["thread"]),
            result=_result(host, end, {"turn": end["turn"]}),
        )


def _turn(host: str, record: Mapping[str, Any]) -> Iterator[TurnEvent]:
    progress = record.get("progress") or {}
    texts = record.get("text") or []
    yield TurnNews(
        host=host,
        session_id=str(record["id"]),
        turn=int(record.get("turn") or progress.get("turn") or 0),
        agent=record.get("agent"),
        started=bool(progress.get("started")),
        queued=bool(record.get("queued")),
        finalizes=bool((record.get("meta") or {}).get("finalize")),
        cut=tuple(record.get("cut") or (0, 0)),
        out="".join(text for stream, text in texts if stream == "out"),
        err="".join(text for stream, text in texts if stream == "err"),
    )
    if record.get("done"):
        yield TurnEnded(result=_result(host, record, progress))


def _result(host: str, record: Mapping[str, Any], progress: Mapping[str, Any]) -> TurnResult:
    found, meta = record.get("result") or {}, record.get("meta") or {}
    running = record["outcome"] == "RUNNING"
    outcome = None if running else FanoutOutcome(record["outcome"])
    return TurnResult(
        host=host,
        session_id=str(record["id"]),
        user=None,
        outcome=outcome,
        reason=None if running else _reason(str(record["reason"])),
        turn=int(progress.get("turn") or 0) or None,
        agent=record.get("agent"),
        error=record["error"],
        message=found.get("message"),
        asks=bool(record.get("asks")),
        exit_code=record["exit_code"],
        verify_exit_code=found.get("verify_exit_code"),
        stop_verified=record["stop_verified"],
        left_running=int(record["left_running"]),
        truncation=Truncation(**record.get("truncation") or {}),
        native_id=found.get("native_id") or meta.get("native_id"),
        directory=found.get("directory"),
        branch=found.get("branch"),
        changes=_changes(found),
        push=_push(found.get("push")),
        left_out=tuple(
            LeftOut(path=str(each["path"]), why=str(each["why"]))
            for each in found.get("left_out") or []
        ),
        task_summary=meta.get("task"),
        beads=meta.get("beads"),
        attempts=int(progress.get("attempts") or 1),
        duration_ms=int(record.get("duration_ms") or 0),
    )


def _reason(word: str) -> Reason | PreflightStatus:
    return PreflightStatus(word) if word in set(PreflightStatus) else Reason(word)


def _changes(found: Mapping[str, Any]) -> Changes | None:
    if found.get("commits") is None:
        return None
    return Changes(
        commits=int(found["commits"]),
        files=int(found.get("files") or 0),
        dirty=bool(found.get("dirty")),
        head=found.get("head"),
    )


def _push(found: Mapping[str, Any] | None) -> Push | None:
    if not found:
        return None
    fields = {name: found.get(name) for name in Push.__dataclass_fields__}
    texts = {name: str(value) for name, value in fields.items() if value is not None}
    return Push(**{"branch": "", "base": "", "head": "", **texts})
