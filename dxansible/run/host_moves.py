"""Keeps the state of each host of a run, and tells each move by the table of states."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dxansible.machine import THIS_MACHINE, Machine
from dxansible.record import FanoutOutcome, Reason
from dxansible.results import CleanResult, FanoutResult, TurnResult
from dxansible.run.events import (
    BatchBegins,
    CommandRuns,
    HostEnded,
    HostFound,
    HostMoved,
    HostsKnown,
    HostWaits,
    OutputReceived,
    PreflightDone,
)
from dxansible.run.turn_events import SessionsSeen, TurnUpdate
from dxansible.states import HOST_STATES, HostState, Teller, teller, warn
from dxansible.value import replace

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from dxansible.record import HostRecord
    from dxansible.run.events import Event

__all__ = ["HostMoves"]

_HAS_WORK = frozenset({HostState.QUEUED, HostState.SCHEDULED, HostState.STARTED})


def _has_work(last: HostMoved) -> bool:
    return last.over or last.state in _HAS_WORK


def _is_old_news(last: HostMoved, state: HostState) -> bool:
    """Whether the state says no more than the last one.

    A host is found once, and each try of its checks, and each further run of Ansible, says so
    again. Its checks may be told after the start, and an end also as a missing answer.
    """
    match state:
        case HostState.SILENT:
            return last.over and last.failed
        case HostState.FOUND:
            return last.state is not HostState.EXPECTED and not last.over
        case _:
            return state is HostState.CHECKED and last.state in _HAS_WORK


class HostMoves:
    """The state of each host of a run, or of all batches of a run."""

    def __init__(self, machine: Machine | None = None) -> None:
        """Begin without a host. ``machine`` has the clocks; None is this one."""
        self.machine = THIS_MACHINE if machine is None else machine
        self._hosts: dict[str, HostMoved] = {}
        self._without_work = 0

    def last(self, host: str) -> HostMoved | None:
        """Return the last move of a host; None if it is not known."""
        return self._hosts.get(host)

    def is_over(self, host: str) -> bool:
        """Return whether this call tells no more of a host."""
        known = self._hosts.get(host)
        return known is not None and known.over

    def state(self, host: str) -> HostState | None:
        """Return the state of a host; None if it is not known."""
        known = self._hosts.get(host)
        return None if known is None else known.state

    def has_work(self, host: str) -> bool:
        """Return whether the VM has said that it has the work, or the host has ended."""
        known = self._hosts.get(host)
        return known is not None and _has_work(known)

    def all_have_work(self) -> bool:
        """Return whether that is so of each host, and there is any."""
        return bool(self._hosts) and not self._without_work

    def count(self, states: Collection[HostState]) -> int:
        """Return the number of hosts in these states, without those of which no more comes."""
        last = list(self._hosts.values())
        return sum(each.state in states and not each.over for each in last)

    def explain(self, result: HostRecord) -> bool:
        """Return whether a failed check of the host was told, and is the reason of its result."""
        known = self._hosts.get(result.host)
        if known is None or known.state is not HostState.UNUSABLE:
            return False
        login = (Reason.AUTH_FAILED, Reason.HOST_KEY)
        refused = result.outcome is FanoutOutcome.PREFLIGHT_FAILED and result.reason in login
        return refused or known.reason == result.reason

    def tell(self, news: Event) -> Iterator[Event]:
        """Yield what observers get of an event: the moves, and the event itself."""
        yield from self.take(news)
        yield news

    def take(self, news: Event) -> Iterator[HostMoved]:  # noqa: C901, PLR0912 - a case for each event
        """Yield the moves for which an event is the reason."""
        match news:
            case HostsKnown() | BatchBegins():
                for host in news.hosts:
                    if host not in self._hosts:
                        yield self._put(host, HostState.EXPECTED)
            case HostFound():
                yield from self._move(news.host, HostState.FOUND, session_id=news.session_id)
            case PreflightDone():
                good = news.result.ok
                state = HostState.CHECKED if good else HostState.UNUSABLE
                yield from self._move(
                    news.result.host, state, session_id=news.session_id,
                    failed=not good, reason=None if good else news.result.status,
                )  # fmt: skip
            case HostWaits():
                state = HostState.BACK if news.until is None else HostState.WAITING
                yield from self._move(
                    news.host, state, session_id=news.session_id, until=news.until, error=news.error
                )
            case OutputReceived():
                yield from self._move(news.host, HostState.STARTED, attached=news.attached)
            case CommandRuns(starts_s=None):
                yield from self._move(news.host, HostState.STARTED)
            case CommandRuns():
                yield from self._move(
                    news.host, HostState.SCHEDULED, until=self._moment(news.starts_s)
                )
            case TurnUpdate():
                yield from self._turn(news)
            case SessionsSeen() | CleanResult():
                good = news.error is None
                state = HostState.ANSWERED if good else HostState.SILENT
                yield from self._move(news.host, state, failed=not good)
            case HostEnded():
                yield from self._end(news)
            case _:
                pass

    def _moment(self, starts_s: int | None) -> float:
        return self.machine.wall() + (starts_s or 0)

    def _turn(self, news: TurnUpdate) -> Iterator[HostMoved]:
        known = self._hosts.get(news.host)
        if known is not None and news.session_id:
            self._hosts[news.host] = replace(known, session_id=news.session_id)
        follows = known is not None and known.turn not in {None, news.turn or None}
        if news.queued:
            yield from self._move(news.host, HostState.QUEUED, session_id=news.session_id)
        if news.starts_s is not None:
            until = self._moment(news.starts_s)
            yield from self._move(
                news.host, HostState.SCHEDULED, session_id=news.session_id, until=until
            )
        elif news.started or (news.turn and follows):
            yield from self._move(
                news.host, HostState.STARTED, session_id=news.session_id,
                turn=news.turn or None, agent=news.agent,
            )  # fmt: skip

    def _end(self, news: HostEnded) -> Iterator[HostMoved]:
        result = news.result
        failed = result.outcome not in {FanoutOutcome.SUCCESS, None}
        known: dict[str, Any] = {"session_id": result.session_id, "over": True, "failed": failed}
        starts_s = result.starts_s if isinstance(result, FanoutResult | TurnResult) else None
        if starts_s is not None:
            state = HostState.SCHEDULED
            known["until"] = self._moment(starts_s)
        elif result.outcome is None and isinstance(result, FanoutResult | TurnResult):
            state = HostState.RUNNING
        else:
            state = HostState.ENDED
        if isinstance(result, TurnResult):
            known |= {"turn": result.turn, "agent": result.agent}
        yield from self._move(result.host, state, **known)

    def _move(self, host: str, state: HostState, **facts: Any) -> Iterator[HostMoved]:  # noqa: ANN401 - fields
        """Yield the move, unless the host has this state already; or nobody may tell it."""
        known = self._hosts.get(host)
        if known is not None:
            turns = state is HostState.STARTED and facts.get("turn") not in {None, known.turn}
            if known.state is state and not (turns or facts.get("over", False) > known.over):
                return
            if _is_old_news(known, state):
                return
            if known.over or teller(HOST_STATES, state, known.state) is Teller.NOBODY:
                warn(f"{host}: {state} after {known.state}")
                return
        yield self._put(host, state, **facts)

    def _put(self, host: str, state: HostState, **facts: Any) -> HostMoved:  # noqa: ANN401 - fields
        known = self._hosts.get(host)
        former = None if known is None else known.session_id
        facts["session_id"] = facts.get("session_id") or former
        if known is not None:
            facts |= {"before": known.state, "earlier": known.earlier | {known.state}}
        made = HostMoved(host=host, state=state, hosts=self, **facts)
        self._hosts[host] = made
        lacked = known is not None and not _has_work(known)
        self._without_work += (not _has_work(made)) - lacked
        return made
