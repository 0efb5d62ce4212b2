"""Gathers the events of a run into one result for each host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, assert_never

from dxansible import verdict
from dxansible.first_sent import stamp
from dxansible.record import HostRecord, Reason
from dxansible.redact import redact
from dxansible.results import CleanResult, FanoutResult, PreflightResult, TurnResult
from dxansible.run.events import (
    BatchBegins,
    CommandRuns,
    Event,
    HostBroken,
    HostEnded,
    HostFound,
    HostMoved,
    HostsKnown,
    HostWaits,
    OutputReceived,
    PreflightDone,
    RetryPlanned,
    StopAnswered,
    TooManyHosts,
)
from dxansible.run.host_moves import HostMoves
from dxansible.run.host_state import HostState
from dxansible.run.output import HostOutput
from dxansible.run.request import KILLED, Again, attaching
from dxansible.run.turn_events import EndSeen, HostAlive, SessionsSeen, TurnUpdate
from dxansible.value import fields, replace

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from dxansible.machine import Machine
    from dxansible.record import Verdict
    from dxansible.run.events import Observer
    from dxansible.run.request import PlayEnd

__all__ = ["ResultCollector"]

R = TypeVar("R", bound=HostRecord)


class ResultCollector(Generic[R]):
    """Collects the state and the result of each host of a run.

    Each event goes on to the observers at once. Output that another run has shown is removed first,
    and a result gets everything that was gathered about its host.
    """

    def __init__(  # noqa: PLR0913 - all but the first two are options by name
        self,
        kind: type[R],
        observers: Iterable[Observer] = (),
        *,
        command: str = "",
        session: str | None = None,
        passes_on: bool = False,
        moves: HostMoves | None = None,
        machine: Machine | None = None,
    ) -> None:
        """Gather results of ``kind``: `HostRecord` if the hosts are only asked something.

        ``command`` is one line without secrets. ``session`` is the session of all hosts; None if
        each host has its own. ``passes_on``: an observer shows all output, so only bytes that never
        arrived count as missing, not those that a result can't hold. ``moves`` has the states of
        the hosts; None if no other run shares them. ``machine`` has the clocks; None is this one.
        """
        self._kind, self._observers = kind, tuple(observers)
        self._command, self._session, self._passes_on = command, session, passes_on
        self._hosts: dict[str, HostState] = {}
        self.moves = HostMoves(machine) if moves is None else moves
        self.hosts: tuple[str, ...] = ()
        self.too_many: tuple[str, ...] = ()
        """The hosts of a pattern that has more than the call allows."""
        self.results: dict[str, R] = {}
        self.preflights: dict[str, PreflightResult] = {}
        self.listings: dict[str, SessionsSeen] = {}
        self.cleaned: dict[str, CleanResult] = {}

    def handle(self, news: Event) -> None:
        """Take one event."""
        self._tell(self._take(news))

    def handle_stop(self, news: Event) -> None:
        """Take one event of a run that stops commands whose own run was cancelled.

        It overwrites no known host, check or result.
        """
        match news:
            case HostsKnown() if not self.hosts:
                self.handle(news)
            case HostFound() if self._host(news.host).session_id is None:
                self.handle(news)
            case PreflightDone() if news.result.host not in self.preflights:
                self._check(news)
            case StopAnswered() if news.host not in self.results:
                if news.totals is not None:
                    self._host(news.host).output.end_at(news.totals)
                self.handle(news)
            case _:
                pass

    @property
    def known(self) -> bool:
        """Whether any host has reported anything."""
        return bool(self.hosts or self._hosts or self.results or self.listings or self.cleaned)

    def unfinished(self) -> list[str]:
        """Return the hosts that are known to take part and have no result."""
        hosts = dict.fromkeys((*self.hosts, *self._hosts))
        return [host for host in hosts if host not in self.results]

    def rest(self, pattern: str, ended: Collection[str] = ()) -> str:
        """Return the hosts without a result, except ``ended``; the pattern if none is known yet."""
        left = [host for host in self.unfinished() if host not in ended]
        return ",".join(left) if self.hosts else pattern

    def ordered(self) -> list[R]:
        """Return the results, in the inventory's order."""
        return [self.results[host] for host in self.hosts or self.results]

    def expect(self, host: str, session_id: str) -> None:
        """Add a host that has not reported, with its session's id."""
        found = self._host(host)
        found.session_id = found.session_id or session_id

    def again(self, pattern: str, **given: Any) -> Again:  # noqa: ANN401 - as `attaching` has them
        """Return how the work on a pattern continues if Ansible is killed: it attaches.

        ``given`` are the retries of `attaching`, if they are not the usual ones.
        """
        return attaching(lambda: self.rest(pattern), self.begin_again, **given)

    def ask_again(self, pattern: str, ended: Collection[str] = ()) -> Again:
        """Return how a question to a pattern's hosts continues if Ansible is killed."""
        return Again(rest=lambda: self.rest(pattern, ended))

    def begin_again(self, pattern: str, why: str, began: float) -> dict[str, object]:
        """Return variables for a run that follows a lost one, and attaches to its pattern's hosts.

        ``why`` says how the last run was lost; ``began`` is as in `PlayRequest`.
        """
        named = set(pattern.split(",")) if self.hosts else set(self.unfinished())
        left = {host: self._host(host) for host in self.unfinished() if host in named}
        self._tell(found.begin_again(host, why) for host, found in left.items())
        shown = {host: list(found.upto) for host, found in left.items() if found.upto}
        return {
            "dx_preflight": False, "dx_may_have_arrived": True, "dx_shown": shown,
            "dx_first_sent": stamp(began, self.moves.machine),
        }  # fmt: skip

    def detach(self) -> None:
        """Give each unfinished turn a result from what is known of it: we have stopped looking."""
        for host in self.unfinished():
            decided = verdict.RUNNING
            if self._host(host).turn is None:
                text = f"{host}: interrupted before the VM confirmed the task"
                decided = verdict.aborted(text)
            self.end(host, decided)

    def end_silent(
        self,
        end: PlayEnd,
        *,
        answered: Collection[str] = (),
        remedy: str | None = None,
    ) -> None:
        """Give each host without a result one unless it has ``answered``: silence is no success.

        ``remedy`` says what to do after a killed run, instead of looking at the output.
        """
        for host in self.unfinished():
            if host in answered:
                continue
            text = f"{host}: Ansible ended ({end.status}) without a result for this host"
            if end.killed:
                what, how = "command may be running there;", ""
                if self._kind is TurnResult:
                    what, how = "session may be running there;", " --follow"
                session = self._host(host).session_id or ""
                told = remedy or f"the {what} see: dx-dispatch --logs {session}{how}"
                text = f"{host}: {KILLED}; {told}"
            self.end(host, verdict.lost_contact(text))

    def end(self, host: str, decided: Verdict) -> None:
        """Give a host its result."""
        self._tell(self._decide(verdict.as_end(HostRecord, decided, host=host)))

    def _host(self, host: str) -> HostState:
        return self._hosts.setdefault(host, HostState(self._session, self.moves.machine))

    def _tell(self, events: Iterator[Event]) -> None:
        for news in events:
            for told in self.moves.tell(news):
                for observer in self._observers:
                    observer.handle(told)

    def _take(self, news: Event) -> Iterator[Event]:  # noqa: C901, PLR0912 - a case for each event
        match news:
            case HostsKnown():
                if self.hosts:  # a run that follows a killed one has fewer hosts
                    return
                self.hosts = news.hosts
                yield news
            case HostFound():
                self._remember(news.host, news.user, news.session_id)
                yield news
            case PreflightDone():
                yield from self._preflight(news)
            case OutputReceived():
                found = self._host(news.host)
                found.attempts = max(found.attempts, found.earlier + 1)
                yield found.output.take(news)
            case TurnUpdate():
                yield self._host(news.host).take_turn(news)
            case RetryPlanned():
                found = self._host(news.host)
                found.attempts = found.earlier + news.attempt + 1
                yield replace(
                    news, attempt=found.attempts - 1, session_id=found.session_id, user=found.user
                )
            case HostWaits():
                self.expect(news.host, news.session_id)
                yield news
            case HostEnded():
                if isinstance(news.result, self._kind):
                    yield from self._ended(news.result)
            case StopAnswered():
                yield from self._decide(news)
            case HostBroken():
                if news.host not in self.results:
                    text = f"{news.host}: Ansible failed: {news.text}"
                    self.end(news.host, verdict.tool_failed(text))
            case SessionsSeen():
                self.listings[news.host] = news
                yield news
            case CleanResult():
                self.cleaned[news.host] = news
                yield news
            case CommandRuns() | EndSeen() | BatchBegins() | HostAlive() | HostMoved():
                yield news
            case TooManyHosts():
                self.too_many = news.hosts
                yield news
            case _:
                assert_never(news)

    def _preflight(self, news: PreflightDone) -> Iterator[Event]:
        result = news.result
        again = self._host(result.host).earlier > 0
        if again and (not result.ok or result.host in self.preflights):
            return  # it may have passed in an earlier run, so its command may be running
        self._check(news)
        yield news
        if not result.ok and news.decides:
            decided = verdict.unchecked(result.status, result.error or "")
            failed = verdict.as_end(HostRecord, decided, host=result.host)
            yield from self._decide(
                failed, attempts=result.attempts, duration_ms=result.duration_ms
            )

    def _check(self, news: PreflightDone) -> None:
        self.preflights[news.result.host] = news.result
        self._remember(news.result.host, news.result.user, news.session_id)

    def _remember(self, host: str, user: str | None, session_id: str) -> None:
        found = self._host(host)
        found.user = user
        found.session_id = self._session or session_id or None

    def _decide(self, decided: HostRecord, **known: int) -> Iterator[Event]:
        """End a host that sent no result of its own; ``known`` are attempts and duration."""
        found = self._host(decided.host)
        told = {each.name: getattr(decided, each.name) for each in fields(HostRecord)}
        session = decided.session_id or found.session_id
        told["session_id"] = session or "" if issubclass(self._kind, TurnResult) else session
        counted = {"attempts": found.attempts, "duration_ms": found.duration_ms}
        yield from self._end(self._kind(**told | counted | known))

    def _ended(self, result: R) -> Iterator[Event]:
        """End a host with its own result."""
        found = self._host(result.host)
        if isinstance(result, FanoutResult) and result.reason is not Reason.LOST_CONTACT:
            found.output.end_at()
        if found.earlier:
            result = replace(result, duration_ms=found.duration_ms)
        yield from self._end(replace(result, attempts=found.earlier + result.attempts))

    def _end(self, result: R) -> Iterator[Event]:
        host, found = result.host, self._host(result.host)
        out, err = found.text.close()
        if out or err:
            yield TurnUpdate(
                host=host, session_id=result.session_id or "", turn=0, out=out, err=err
            )
        error = redact(result.error) if result.error else None
        result = self._complete(replace(result, user=found.user, error=error), found)
        found.output = HostOutput()
        self.results[host] = result
        yield HostEnded(result=result, unusable=self.moves.explain(result))

    def _complete(self, result: R, found: HostState) -> R:
        """Add the output and facts gathered about the host."""
        if isinstance(result, FanoutResult):
            out, err = found.output.content()
            return replace(
                result,
                command_summary=self._command,
                session_id=found.session_id or result.session_id,
                stdout_bytes=out,
                stderr_bytes=err,
                attached=found.output.attached or result.attached,
                truncation=found.output.truncation(result.truncation, passed_on=self._passes_on),
            )
        if isinstance(result, TurnResult):
            result = replace(result, task_summary=self._command or result.task_summary)
            push = result.push
            if push is not None and push.note is not None:
                push = replace(push, note=redact(push.note))
            known = found.known_of_turn() if result.turn is None else {}
            return replace(result, push=push, **known)
        return result
