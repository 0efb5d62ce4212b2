"""Typed events of agents' sessions, parsed from the records of our playbooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dxansible.record import read
from dxansible.results import CleanResult, SessionInfo, TurnResult
from dxansible.value import Value, field

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["EndSeen", "HostAlive", "SessionsSeen", "TurnEvent", "TurnUpdate", "parse_turn_news"]


class TurnUpdate(Value):
    """A turn has started, or starts later, is queued behind another one, or has new output."""

    host: str
    session_id: str
    turn: int = 0
    agent: str | None = None
    started: bool = False
    """The VM has the task."""
    starts_s: int | None = None
    """Seconds until the turn starts; None once it runs."""
    queued: bool = False
    finalizes: bool = False
    """The text comes from git, its hooks and gh, not from an agent."""
    task: str | None = None
    """The prompt in one line, without secrets."""
    began: int | None = None
    """When a followed turn began, in seconds since 1970 by the VM's clock."""
    ended: int | None = None
    """When it ended; None while it runs."""
    cut: tuple[int, int] = (0, 0)
    """Bytes of both streams that are missing before the text."""
    upto: tuple[int, int] | None = None
    """Offsets in both streams after the text; None without news of the output."""
    out: str = field(default="", repr=False)
    err: str = field(default="", repr=False)


class SessionsSeen(Value):
    """A host has listed its sessions; or ``error`` says why not."""

    host: str
    sessions: tuple[SessionInfo, ...]
    error: str | None = None
    opens: tuple[str, ...] = ()
    """The command line that opens the agent's own screen, if that was asked for."""
    closed: str | None = None
    """Why there is no such command line."""


class HostAlive(Value):
    """A host that is listened to has answered, and nothing has changed there."""

    host: str


class EndSeen(Value):
    """A turn with an audit trail has ended.

    ``claimed``: this call has to post the end; ``thread`` is the trail's thread in Slack, as noted
    on the VM.
    """

    host: str
    trail: str
    claimed: bool
    thread: str
    result: TurnResult


TurnEvent = TurnUpdate | SessionsSeen | CleanResult | EndSeen | HostAlive


def parse_turn_news(record: Mapping[str, Any]) -> Iterator[TurnEvent]:
    """Yield the events of a record: first the ends of turns, which any kind may carry."""
    host = record["host"]
    for end in record.get("ends") or []:
        yield read(EndSeen, end, host=host, result=TurnResult.from_event(host, end))
    match record.get("kind"):
        case "turn":
            yield _turn(record)
        case "sessions":
            found = (SessionInfo.of(host, each) for each in record["sessions"])
            way = record.get("opens") or {}
            yield read(
                SessionsSeen,
                record,
                sessions=tuple(found),
                opens=tuple(way.get("words") or ()),
                closed=way.get("error"),
            )
        case "alive":
            yield HostAlive(host=host)
        case "clean":
            yield read(CleanResult, record)
        case _:
            return


def _turn(record: Mapping[str, Any]) -> TurnUpdate:
    texts, meta = record.get("text") or [], record.get("meta") or {}
    task = meta.get("task")
    return read(
        TurnUpdate,
        record,
        session_id=record["id"],
        finalizes=bool(meta.get("finalize")),
        task=task if isinstance(task, str) else None,
        out="".join(text for stream, text in texts if stream == "out"),
        err="".join(text for stream, text in texts if stream == "err"),
    )
