"""Gathers the typed events of a run into one result for each host, and logs them as they come."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, assert_never

from dxansible.logs import event
from dxansible.outcome import (
    FanoutOutcome,
    FanoutResult,
    PreflightResult,
    PreflightStatus,
    Reason,
    Truncation,
)
from dxansible.redact import redact
from dxansible.runner.capture import Capture, Position
from dxansible.runner.events import (
    CommandRuns,
    Event,
    HostBroken,
    HostFound,
    HostsKnown,
    PreflightDone,
    RetryPlanned,
    StreamNews,
    Verdict,
)
from dxansible.runner.turn_events import Cleaned, EndSeen, SessionsSeen, TurnEnded, TurnNews

if TYPE_CHECKING:
    from collections.abc import Callable

    from dxansible.runner.listener import Listener

__all__ = ["RunState"]

_DEFAULT_LIMIT = 4 * 2**20


@dataclass(slots=True, kw_only=True)
class _HostState:
    user: str | None = None
    auth_mode: str | None = None
    session_id: str | None = None
    began: float = field(default_factory=time.monotonic)
    attempts: int = 0
    earlier: int = 0
    """Attempts of runs of Ansible that were killed."""
    read: tuple[Position, Position] = field(default_factory=lambda: (Position(), Position()))
    out: Capture = field(default_factory=lambda: Capture(_DEFAULT_LIMIT))
    err: Capture = field(default_factory=lambda: Capture(_DEFAULT_LIMIT))
    limited: bool = False
    totals: tuple[int, int] = (0, 0)
    """Bytes of both streams that the VM had written at the last news."""
    attached: bool = False
    expired: bool = False


class RunState:
    """The state of one run over its hosts."""

    def __init__(
        self,
        command_summary: str | None,
        listener: Listener,
        log: Callable[[str], None] | None = None,
        *,
        passes_on: bool = False,
    ) -> None:
        """``command_summary`` is one line without secrets, None if the run only checks its hosts.

        ``log`` gets each log line as text. ``passes_on``: the listener shows all output, so only
        bytes that never arrived are missing, not those that the result can't hold.
        """
        self._passes_on = passes_on
        self._runs_command = command_summary is not None
        self._summary = command_summary or ""
        self._listener = listener
        self._log = log
        self._states: dict[str, _HostState] = {}
        self.hosts: tuple[str, ...] = ()
        self.results: dict[str, FanoutResult] = {}
        self.preflights: dict[str, PreflightResult] = {}

    def take(self, news: Event) -> None:
        """Apply one event."""
        match news:
            case HostsKnown():
                self._hosts_known(news.hosts)
            case HostFound():
                self._remember(news.host, news.user, news.auth_mode, news.session_id)
            case PreflightDone():
                self._preflight(news)
            case StreamNews():
                self._stream(news)
            case RetryPlanned():
                self._retry(news)
            case Verdict():
                self._verdict(news)
            case HostBroken():
                self._broken(news)
            case CommandRuns():
                pass  # of whoever asks for no more than that
            case TurnNews() | TurnEnded() | SessionsSeen() | Cleaned() | EndSeen():
                pass  # of sessions, which `dxansible.sessions` gathers
            case _:
                assert_never(news)

    def take_stop(self, news: Event) -> None:
        """Apply one event of a run that stops commands.

        Its verdicts are new, and all else where the command's own run had not come so far.
        """
        match news:
            case HostsKnown() if not self.hosts:
                self.take(news)
            case HostFound() if self._state(news.host).session_id is None:
                self._remember(news.host, news.user, news.auth_mode, news.session_id)
            case PreflightDone() if news.result.host not in self.preflights:
                self._check(news)
            case Verdict() if news.host not in self.results:
                if news.totals is not None:
                    state = self._state(news.host)
                    state.out.end_at(news.totals[0])
                    state.err.end_at(news.totals[1])
                self._verdict(news)

    @property
    def known(self) -> bool:
        """Whether anything was heard of a host."""
        return bool(self._states or self.results)

    def unfinished(self) -> list[str]:
        """Hosts that have no outcome yet, of those that are known to take part."""
        return [host for host in self.hosts or self._states if host not in self.results]

    def begin_again(self, error: str) -> None:
        """The run was killed, and another one attaches to what has no outcome yet."""
        for host in self.unfinished():
            state = self._state(host)
            for position in state.read:
                position.rewind()
            attempt = max(1, state.attempts - state.earlier)
            self._retry(RetryPlanned(host=host, attempt=attempt, error=f"{host}: {error}"))
            state.earlier = state.attempts - 1

    def close(
        self,
        host: str,
        outcome: FanoutOutcome,
        reason: Reason,
        error: str,
        session_id: str | None = None,
    ) -> None:
        """Give a host that stayed silent its outcome: no answer is never a success."""
        state = self._state(host)
        state.session_id = state.session_id or session_id
        self._finish(
            host,
            outcome,
            reason,
            error=error,
            attempts=state.attempts,
            duration_ms=_since(state.began),
            stop_verified=False if outcome is FanoutOutcome.ABORTED else None,
        )

    def _state(self, host: str) -> _HostState:
        return self._states.setdefault(host, _HostState())

    def _hosts_known(self, hosts: tuple[str, ...]) -> None:
        if not self.hosts:  # a run that follows a killed one has fewer
            self.hosts = hosts
            self._listener.hosts_known(hosts)

    def _preflight(self, news: PreflightDone) -> None:
        result = news.result
        again = self._state(result.host).earlier > 0
        if again and (not result.ok or result.host in self.preflights):
            return  # it has passed in an earlier run, or may have: the command may run there
        self._check(news)
        self._event(
            "preflight_ok" if result.ok else "preflight_failed",
            logging.INFO if result.ok else logging.ERROR,
            host=result.host,
            user=result.user,
            auth_mode=result.auth_mode,
            status=None if result.ok else str(result.status),
            attempt=None if result.ok else result.attempts or None,
            duration_ms=result.duration_ms,
            error=result.error,
        )
        if news.warning:
            self._event(
                "host_key_not_remembered", logging.WARNING, host=result.host, error=news.warning
            )
        if self._runs_command and not result.ok and news.decides:
            self._finish(
                result.host,
                FanoutOutcome.PREFLIGHT_FAILED,
                result.status,
                error=result.error,
                attempts=result.attempts,
                duration_ms=result.duration_ms,
            )

    def _check(self, news: PreflightDone) -> None:
        result = news.result
        self.preflights[result.host] = result
        self._remember(result.host, result.user, result.auth_mode, news.session_id)

    def _remember(
        self, host: str, user: str | None, auth_mode: str | None, session_id: str
    ) -> None:
        state = self._state(host)
        if state.session_id is None and session_id:
            self._event("session", logging.DEBUG, host=host, session=session_id)
        state.user, state.auth_mode = user, auth_mode
        state.session_id = session_id or None

    def _stream(self, news: StreamNews) -> None:
        state = self._state(news.host)
        state.attempts = max(state.attempts, state.earlier + 1)
        if not state.limited:
            state.out, state.err, state.limited = Capture(news.limit), Capture(news.limit), True
        out, out_skipped = state.read[0].fresh(news.out, news.out_skipped)
        err, err_skipped = state.read[1].fresh(news.err, news.err_skipped)
        state.out.add(out, out_skipped)
        state.err.add(err, err_skipped)
        state.totals = (news.out_total, news.err_total)
        state.attached, state.expired = news.attached, news.expired
        if (out_skipped or err_skipped) and not news.expired:
            self._listener.cut(news.host, out_skipped, err_skipped)
        if out or err:
            self._listener.output(news.host, out, err)

    def _retry(self, news: RetryPlanned) -> None:
        state = self._state(news.host)
        state.attempts = state.earlier + news.attempt + 1
        self._event(
            "retry", logging.WARNING, host=news.host, user=state.user,
            command=self._summary, attempt=state.attempts - 1, error=news.error,
        )  # fmt: skip

    def _verdict(self, news: Verdict) -> None:
        state = self._state(news.host)
        if not news.from_stop and news.reason is not Reason.LOST_CONTACT:
            state.out.end_at(state.totals[0])
            state.err.end_at(state.totals[1])
        self._finish(
            news.host,
            news.outcome,
            news.reason,
            error=news.error,
            attempts=state.attempts if news.from_stop else state.earlier + news.attempts,
            duration_ms=_since(state.began) if news.from_stop else news.duration_ms,
            exit_code=news.exit_code,
            stop_verified=news.stop_verified,
            left_running=news.left_running,
            disk_full=news.disk_full,
        )

    def _broken(self, news: HostBroken) -> None:
        if news.host not in self.results:
            text = f"{news.host}: Ansible failed: {redact(news.text)}"
            self._finish(news.host, FanoutOutcome.FAILURE, Reason.VM_ERROR, error=text)

    def _finish(  # noqa: PLR0913 - the fields of the result
        self,
        host: str,
        outcome: FanoutOutcome,
        reason: Reason | PreflightStatus,
        *,
        error: str | None,
        attempts: int = 0,
        duration_ms: int = 0,
        exit_code: int | None = None,
        stop_verified: bool | None = None,
        left_running: int = 0,
        disk_full: bool = False,
    ) -> None:
        state = self._state(host)
        result = FanoutResult(
            outcome=outcome,
            reason=reason,
            host=host,
            user=state.user,
            command_summary=self._summary,
            attempts=attempts,
            duration_ms=duration_ms,
            exit_code=exit_code,
            stdout_bytes=state.out.content(),
            stderr_bytes=state.err.content(),
            error=redact(error) if error else None,
            stop_verified=stop_verified,
            left_running=left_running,
            truncation=Truncation(
                stdout_bytes=state.out.missed if self._passes_on else state.out.lost,
                stderr_bytes=state.err.missed if self._passes_on else state.err.lost,
                disk_full=disk_full,
                expired=state.expired,
            ),
            session_id=state.session_id,
            attached=state.attached,
        )
        state.out = state.err = Capture(0)
        self.results[host] = result
        checked = self.preflights.get(host)
        if checked is None or checked.status is not reason:
            self._log_result(result)
        self._listener.finished(result)

    def _log_result(self, result: FanoutResult) -> None:
        self._event(
            result.outcome.lower(),
            logging.INFO if result.outcome is FanoutOutcome.SUCCESS else logging.ERROR,
            host=result.host,
            user=result.user,
            command=result.command_summary,
            attempt=result.attempts,
            duration_ms=result.duration_ms,
            exit_code=result.exit_code or None,
            reason=None if result.outcome is FanoutOutcome.SUCCESS else str(result.reason),
            stop_verified=result.stop_verified,
            session=result.session_id if result.reason is Reason.LOST_CONTACT else None,
            attached=result.attached or None,
        )

    def _event(self, name: str, level: int, **fields: str | int | None) -> None:
        line = event(name, level, **fields)
        if self._log is not None and level >= logging.INFO:
            self._log(line)


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
