"""Gathers the events of a run over agents' sessions, one turn on each host."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from dxansible.logs import event
from dxansible.outcome import FanoutOutcome, Reason
from dxansible.redact import redact
from dxansible.runner.events import (
    HostBroken,
    HostFound,
    HostsKnown,
    PreflightDone,
    RetryPlanned,
)
from dxansible.runner.request import KILLED
from dxansible.runner.turn_events import TurnEnded, TurnNews
from dxansible.sessions.masked_text import MaskedText
from dxansible.turn import TurnResult

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dxansible.outcome import PreflightResult
    from dxansible.runner.events import Event
    from dxansible.runner.request import PlayEnd

__all__ = ["SessionListener", "SilentListener", "TurnState"]


class SessionListener(Protocol):
    """Is told what happens while a run goes on, from one thread at a time."""

    def hosts_known(self, hosts: Sequence[str]) -> None:
        """The pattern has been resolved."""

    def taken(self, host: str, session_id: str) -> None:
        """The VM has the task, and will work on it whatever becomes of us."""

    def queued(self, host: str, session_id: str) -> None:
        """The task waits for the turn before."""

    def cut(self, host: str, stdout_bytes: int, stderr_bytes: int) -> None:
        """That much of what the agent has written is missing at this point."""

    def text(self, host: str, out: str, err: str) -> None:
        """The agent has said something."""

    def turn_finished(self, result: TurnResult) -> None:
        """A host has its result."""


class SilentListener:
    """A listener that only listens."""

    def hosts_known(self, hosts: Sequence[str]) -> None:
        """Ignore it."""

    def taken(self, host: str, session_id: str) -> None:
        """Ignore it."""

    def queued(self, host: str, session_id: str) -> None:
        """Ignore it."""

    def cut(self, host: str, stdout_bytes: int, stderr_bytes: int) -> None:
        """Ignore it."""

    def text(self, host: str, out: str, err: str) -> None:
        """Ignore it."""

    def turn_finished(self, result: TurnResult) -> None:
        """Ignore it."""


class TurnState:
    """The state of one run over its hosts."""

    def __init__(
        self, listener: SessionListener, session: str | None = None, *, watching: bool = False
    ) -> None:
        """``session`` is the one that all is about; None if each host makes its own.

        ``watching``: it was started by somebody else, so what becomes of it is no news of ours.
        """
        self._watching = watching
        self._listener = listener
        self._session = session
        self._found: dict[str, HostFound] = {}
        self._taken: dict[str, TurnNews] = {}
        self._queued: set[str] = set()
        self._masked: dict[str, tuple[MaskedText, MaskedText]] = {}
        self.hosts: tuple[str, ...] = ()
        self.preflights: dict[str, PreflightResult] = {}
        self.results: dict[str, TurnResult] = {}

    def take(self, news: Event) -> None:
        """Apply one event; those of other kinds of run don't matter here."""
        match news:
            case HostsKnown():
                self.hosts = news.hosts
                self._listener.hosts_known(news.hosts)
            case HostFound():
                self._found[news.host] = news
            case PreflightDone():
                self._preflight(news)
            case TurnNews():
                self._news(news)
            case TurnEnded():
                self._finish(news.result)
            case RetryPlanned():
                event(
                    "retry", logging.WARNING, host=news.host, session=self._id(news.host),
                    attempt=news.attempt, error=news.error,
                )  # fmt: skip
            case HostBroken():
                if news.host not in self.results:
                    text = f"{news.host}: Ansible failed: {redact(news.text)}"
                    self._end(news.host, FanoutOutcome.FAILURE, Reason.VM_ERROR, text)
            case _:
                pass

    def detach(self) -> None:
        """Say of every host without a result what is known: we have stopped looking."""
        for host in self._unfinished():
            news = self._taken.get(host)
            if news is not None:
                self._finish(self._result(host, None, None, None, news))
                continue
            text = f"{host}: interrupted before the VM had confirmed that it has the task"
            self._end(host, FanoutOutcome.ABORTED, Reason.ABORTED, text)

    def close_silent(self, end: PlayEnd, foretold: Mapping[str, str] | None = None) -> None:
        """Give every host without a result one: no answer is never a success.

        ``foretold`` has the session of each host, where a killed run could not say which there are.
        """
        for host, session_id in (foretold or {}).items():
            unknown = HostFound(host=host, user=None, auth_mode=None, session_id=session_id)
            self._found.setdefault(host, unknown)
        for host in self._unfinished():
            text = f"{host}: Ansible ended ({end.status}) without a word about this host"
            if end.killed:
                back = f"see: dx-dispatch --logs {self._id(host)} --follow"
                text = f"{host}: {KILLED}; the session may be at work there, {back}"
            self._end(host, FanoutOutcome.FAILURE, Reason.LOST_CONTACT, text)

    def ordered(self) -> list[TurnResult]:
        """The results in the inventory's order."""
        return [self.results[host] for host in self.hosts or self.results]

    @property
    def known(self) -> bool:
        """Whether anything was heard of a host."""
        return bool(self._found or self.results)

    def _unfinished(self) -> list[str]:
        return [host for host in self.hosts or self._found if host not in self.results]

    def _level(self, level: int) -> int:
        return logging.DEBUG if self._watching else level

    def _id(self, host: str) -> str:
        return self._session or (self._found[host].session_id if host in self._found else "")

    def _preflight(self, news: PreflightDone) -> None:
        result = news.result
        self.preflights[result.host] = result
        self._found[result.host] = HostFound(
            host=result.host,
            user=result.user,
            auth_mode=result.auth_mode,
            session_id=news.session_id,
        )
        event(
            "preflight_ok" if result.ok else "preflight_failed",
            self._level(logging.INFO) if result.ok else logging.ERROR,
            host=result.host,
            user=result.user,
            auth_mode=result.auth_mode,
            status=None if result.ok else str(result.status),
            attempt=None if result.ok else result.attempts or None,
            duration_ms=result.duration_ms,
            error=result.error,
        )
        if not result.ok and news.decides:
            self._end(
                result.host, FanoutOutcome.PREFLIGHT_FAILED, result.status, result.error or ""
            )

    def _news(self, news: TurnNews) -> None:
        if news.queued and news.host not in self._queued:
            self._queued.add(news.host)
            self._listener.queued(news.host, news.session_id)
        if news.started and news.host not in self._taken:
            event(
                "session_followed" if self._watching else "session_started",
                self._level(logging.INFO), host=news.host, session=news.session_id,
                turn=news.turn, agent=news.agent,
            )  # fmt: skip
            self._listener.taken(news.host, news.session_id)
        if news.started:
            self._taken[news.host] = news
        if any(news.cut):
            self._listener.cut(news.host, *news.cut)
        out, err = self._masked.setdefault(news.host, (MaskedText(), MaskedText()))
        if news.finalizes:
            self._tell(news.host, out.feed(news.out), err.feed(news.err))
        else:
            self._tell(news.host, out.close() + news.out, err.close() + news.err)

    def _tell(self, host: str, out: str, err: str) -> None:
        if out or err:
            self._listener.text(host, out, err)

    def _end(self, host: str, outcome: FanoutOutcome, reason: object, error: str) -> None:
        self._finish(self._result(host, outcome, reason, error, self._taken.get(host)))

    def _result(
        self,
        host: str,
        outcome: FanoutOutcome | None,
        reason: object,
        error: str | None,
        news: TurnNews | None,
    ) -> TurnResult:
        return TurnResult(
            host=host,
            session_id=self._id(host),
            user=None,
            outcome=outcome,
            reason=reason,  # type: ignore[arg-type] # either kind of reason
            error=error,
            turn=news.turn if news else None,
            agent=news.agent if news else None,
        )

    def _finish(self, result: TurnResult) -> None:
        if (held := self._masked.get(result.host)) is not None:
            self._tell(result.host, *(each.close() for each in held))
        found, known = self._found.get(result.host), self.preflights.get(result.host)
        error, push = redact(result.error) if result.error else None, result.push
        if push is not None and push.note is not None:
            push = replace(push, note=redact(push.note))
        result = replace(result, user=found.user if found else None, error=error, push=push)
        self.results[result.host] = result
        failed_before = known is not None and result.reason is known.status
        if result.outcome is not None and not failed_before:
            event(
                result.outcome.lower(),
                self._level(
                    logging.INFO if result.outcome is FanoutOutcome.SUCCESS else logging.ERROR
                ),
                host=result.host,
                user=result.user,
                session=result.session_id,
                turn=result.turn,
                agent=result.agent,
                attempt=result.attempts or None,
                duration_ms=result.duration_ms,
                exit_code=result.exit_code or None,
                reason=None if result.outcome is FanoutOutcome.SUCCESS else str(result.reason),
                stop_verified=result.stop_verified,
                asks=result.asks or None,
            )
        self._listener.turn_finished(result)
