"""Typed events of agents' sessions, from the records of our playbooks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dxansible.turn import CleanResult, SessionInfo, TurnResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "Cleaned",
    "EndSeen",
    "SessionsSeen",
    "TurnEvent",
    "TurnUpdate",
    "parse_turn_record",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnUpdate:
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

    ``claimed``: we are to tell it; ``thread`` is where the trail goes on, as it was noted.
    """

    host: str
    trail: str
    claimed: bool
    thread: str
    result: TurnResult


TurnEvent = TurnUpdate | SessionsSeen | Cleaned | EndSeen


def parse_turn_record(host: str, record: Mapping[str, Any]) -> Iterator[TurnEvent]:
    """Yield what a record of the kinds ``turn``, ``sessions`` and ``clean`` says; of any, ends."""
    yield from _ends(host, record)
    match record.get("kind"):
        case "turn":
            yield _turn(host, record)
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
            claimed=bool(end["claimed"]),
            thread=str(end["thread"]),
            result=TurnResult.from_event(host, end),
        )


def _turn(host: str, record: Mapping[str, Any]) -> TurnUpdate:
    texts = record.get("text") or []
    return TurnUpdate(
        host=host,
        session_id=str(record["id"]),
        turn=int(record.get("turn") or 0),
        agent=record.get("agent"),
        started=bool(record.get("started")),
        queued=bool(record.get("queued")),
        finalizes=bool((record.get("meta") or {}).get("finalize")),
        cut=tuple(record.get("cut") or (0, 0)),
        out="".join(text for stream, text in texts if stream == "out"),
        err="".join(text for stream, text in texts if stream == "err"),
    )
