"""The contents of a board: a title, and a table in the order of what needs somebody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.record import FanoutOutcome
from dxansible.redact import printable
from dxansible.render.commands import agent_in_words
from dxansible.render.sessions import STATE_COLOURS, agent_of, state_of
from dxansible.render.show import coloured
from dxansible.render.tables import NOTHING, Table, columns, duration
from dxansible.render.wrapping import cut
from dxansible.results import PreflightResult
from dxansible.run.listing import each_once
from dxansible.run.turn_events import SessionsSeen
from dxansible.states import ListedState
from dxansible.value import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dxansible.results import SessionInfo
    from dxansible.run.watching import Seen

__all__ = ["Board", "hosts_board", "screenful", "sessions_board"]

_WAITING, _FAILED, _RUNNING, _ENDED = "waiting", "failed", "running", "ended"
_ORDER = (_WAITING, _FAILED, _RUNNING, _ENDED)
_UNREACHABLE = "unreachable"
_SESSIONS = columns(
    "SESSION", "VM", "STATE", "AGE", "IDLE", "AGENT", "LAST WORDS, OR TASK",
    shown="STATE",
    leave=("LAST WORDS, OR TASK", "AGENT", "IDLE", "AGE"),
    text=("LAST WORDS, OR TASK",),
)  # fmt: skip
_HOSTS = columns(
    "VM", "STATUS", "SEEN", "LATENCY", "LOAD", "RUNNING", "AGENT", "CAPABILITIES", "LAST WORDS",
    shown="STATUS",
    leave=("LAST WORDS", "CAPABILITIES", "AGENT", "LATENCY", "LOAD", "RUNNING", "SEEN"),
    text=("LAST WORDS",),
)  # fmt: skip


class Board(Value):
    """A title and the rows below it."""

    title: str
    rows: tuple[tuple[str, ...], ...]
    colours: tuple[str | None, ...]
    of_hosts: bool = False


def sessions_board(seen: Sequence[Seen], now: float, awaited: Sequence[SessionInfo] = ()) -> Board:
    """Return the sessions of all hosts; ``now`` is a time of `time.monotonic`.

    A host that can't be reached has a row of its own; its sessions are shown as it listed them
    last. ``awaited`` are those that calls of this machine start once their host is back.
    """
    by_host = {each.host: each for each in seen}
    listed = [each.found.sessions for each in seen if isinstance(each.found, SessionsSeen)]
    sessions = each_once(info for found in listed for info in found)
    known = {info.session_id for info in sessions}
    sessions += [info for info in awaited if info.session_id not in known]
    sessions.sort(key=lambda info: (_ORDER.index(_kind(info)), info.age_s or 0))
    rows = [(_kind(info), _session(info, by_host[info.host], now)) for info in sessions]
    gone = [each for each in seen if _trouble(each, now)]
    first = sum(kind == _WAITING for kind, _ in rows)
    rows[first:first] = [(_FAILED, _gone(each, now)) for each in gone]
    kinds = [_kind(info) for info in sessions]
    counts = [f"{kinds.count(kind)} {kind}" for kind in _ORDER if kind in kinds]
    return Board(
        title="  ".join([_hosts_in_words(len(seen), len(gone)), *(counts or ["no sessions"])]),
        rows=tuple(row for _, (row, _) in rows),
        colours=tuple(colour for _, (_, colour) in rows),
    )


def _kind(info: SessionInfo) -> str:
    if info.asks or info.state == ListedState.NEEDS_INPUT:
        return _WAITING
    if not info.ended:
        return _RUNNING
    if info.outcome in {FanoutOutcome.SUCCESS, FanoutOutcome.ABORTED}:
        return _ENDED
    return _FAILED


def _session(info: SessionInfo, host: Seen, now: float) -> tuple[tuple[str, ...], str | None]:
    here = info.state == ListedState.WAITING  # known without the host
    passed = 0 if here else int(now - host.at)
    state = state_of(info)
    colour = "magenta" if info.asks else STATE_COLOURS.get(info.state)
    error = (info.error or "").removeprefix(f"{info.host}: ")
    words = ": ".join(filter(None, (error, info.message)))
    if _trouble(host, now) and not here:
        words = f"{state} when {info.host} was last seen; {words}".rstrip("; ")
        state, colour = _UNREACHABLE, "red"
    row = (
        info.session_id,
        info.started_for or info.host,
        state,
        duration(None if info.age_s is None else info.age_s + passed),
        duration(None if info.idle_s is None else info.idle_s + passed),
        agent_of(info),
        words or info.task or NOTHING,
    )
    return row, colour


def _gone(seen: Seen, now: float) -> tuple[tuple[str, ...], str]:
    since = duration(int(now - seen.heard)) if seen.heard else NOTHING
    words = (_trouble(seen, now) or "").removeprefix(f"{seen.host}: ")
    return (NOTHING, seen.host, _UNREACHABLE, since, NOTHING, NOTHING, words), "red"


def _trouble(seen: Seen, now: float) -> str | None:
    """Return why a host has no fresh answer; None if it has one, or has just been asked."""
    if seen.error is not None:
        return seen.error
    if seen.waiting is not None and now > seen.silent:
        return f"{seen.host}: no answer for {duration(int(now - seen.waiting))}"
    return None


def _hosts_in_words(count: int, gone: int) -> str:
    text = f"{count} VM{'s' if count != 1 else ''}"
    return f"{text}, {coloured(f'{gone} unreachable', 'red')}" if gone else text


def hosts_board(seen: Sequence[Seen], now: float) -> Board:
    """Return all hosts, those that can't be reached first; ``now`` as for `sessions_board`."""
    ordered = sorted(seen, key=lambda each: _trouble(each, now) is None)
    gone = sum(_trouble(each, now) is not None for each in seen)
    found = [each.found for each in seen if isinstance(each.found, PreflightResult)]
    running = sum(each.running or 0 for each in found)
    return Board(
        title=f"{_hosts_in_words(len(seen), gone)}  {running} running",
        rows=tuple(_host(each, now) for each in ordered),
        colours=tuple("red" if _trouble(each, now) else "green" for each in ordered),
        of_hosts=True,
    )


def _host(seen: Seen, now: float) -> tuple[str, ...]:
    found, trouble = seen.found, _trouble(seen, now)
    status = _UNREACHABLE if trouble else "OK" if seen.heard else "asked"
    words = (trouble or "").removeprefix(f"{seen.host}: ") or NOTHING
    age = duration(int(now - seen.heard)) if seen.heard else NOTHING
    if not isinstance(found, PreflightResult):
        return (seen.host, status, age, *[NOTHING] * 5, words)
    return (
        seen.host,
        status,
        age,
        NOTHING if found.latency_ms is None else f"{found.latency_ms} ms",
        NOTHING if found.load is None else f"{found.load:.2f}",
        NOTHING if found.running is None else str(found.running),
        agent_in_words(found),
        ",".join(found.capabilities) or NOTHING,
        words,
    )


def screenful(
    board: Board, size: tuple[int, int], top: int, problem: str | None
) -> tuple[list[str], int]:
    """Return the lines of a screen of columns and lines, and the number of its first row.

    ``top`` is the row wanted first; with fewer rows below than fit, an earlier one is first.
    ``problem`` is why nobody can be asked at the moment.
    """
    width, height = size
    shape = _HOSTS if board.of_hosts else _SESSIONS
    table = Table(shape, board.rows, board.colours, width=width, dense=True)
    room = max(1, height - 3)
    top = max(0, min(top, _last_top(table, len(board.rows), room))) if top > 0 else 0
    shown: list[str] = []
    number = top
    while number < len(board.rows) and len(shown) < room:
        shown += table.lines(number)
        number += 1
    above = f"  {top} above" if top else ""
    below = f"  {len(board.rows) - number} below" if number < len(board.rows) else ""
    foot = cut(f"q quits, arrows scroll{above}{below}", width)
    if problem is not None:
        foot = coloured(cut(printable(problem), width), "red")
    filled = shown[:room] + [""] * (room - len(shown))
    return [board.title, table.head, *filled, foot][:height], top


def _last_top(table: Table, count: int, room: int) -> int:
    """Return the first row of the last screen."""
    number = max(0, count - 1)
    left = room - len(table.lines(number)) if count else 0
    while number and len(table.lines(number - 1)) <= left:
        number -= 1
        left -= len(table.lines(number))
    return number
