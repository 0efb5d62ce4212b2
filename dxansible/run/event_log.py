"""Logs the events of a run."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from dxansible.logs import event
from dxansible.record import FanoutOutcome, Reason
from dxansible.results import FanoutResult, TurnResult
from dxansible.run.events import HostEnded, HostMoved, HostWaits, PreflightDone, RetryPlanned
from dxansible.run.turn_events import TurnUpdate
from dxansible.states import HostState

if TYPE_CHECKING:
    from collections.abc import Callable

    from dxansible.record import HostRecord
    from dxansible.run.events import Event

__all__ = ["EventLog"]

_Field = str | int | None
_NAMES_SESSION = (HostState.FOUND, HostState.CHECKED, HostState.UNUSABLE)


class EventLog:
    """Observer that logs what happens to each host, one line an event."""

    def __init__(
        self,
        *,
        command: str | None = None,
        watching: bool = False,
        log: Callable[[str], None] | None = None,
    ) -> None:
        """``command`` is the run's command in one line without secrets, None for an agent's turn.

        ``watching``: another call started the work, so good news and ends are logged at DEBUG.
        ``log`` gets each line of level INFO or above too, as text.
        """
        self._command, self._log = command, log
        self._quiet = logging.DEBUG if watching else logging.INFO

    def handle(self, news: Event) -> None:
        """Log it."""
        match news:
            case HostMoved():
                self._session(news)
            case PreflightDone():
                self._preflight(news)
            case TurnUpdate(starts_s=None) if news.started:
                name = "session_started" if self._quiet == logging.INFO else "session_followed"
                self._event(
                    name, self._quiet, host=news.host, session=news.session_id, turn=news.turn,
                    agent=news.agent,
                )  # fmt: skip
            case RetryPlanned():
                command = self._command is not None
                self._event(
                    "retry", logging.WARNING, host=news.host,
                    user=news.user if command else None, command=self._command,
                    session=None if command else news.session_id,
                    attempt=news.attempt, error=news.error,
                )  # fmt: skip
            case HostWaits():
                self._waits(news)
            case HostEnded(
                result=FanoutResult(outcome=None, starts_s=int() as seconds)
                | TurnResult(outcome=None, starts_s=int() as seconds)
            ):
                self._event(
                    "scheduled", self._quiet, host=news.result.host,
                    session=news.result.session_id, starts_s=seconds,
                )  # fmt: skip
            case HostEnded() if news.result.outcome is not None and not news.unusable:
                self._ended(news.result.outcome, news.result)
            case _:
                pass

    def _session(self, news: HostMoved) -> None:
        """Log the id of a command, with the first word about its host."""
        is_first = news.before in {None, HostState.EXPECTED} and news.state in _NAMES_SESSION
        if self._command is not None and is_first and news.session_id:
            self._event("session", logging.DEBUG, host=news.host, session=news.session_id)

    def _waits(self, news: HostWaits) -> None:
        name = "answers" if news.until is None else "waiting"
        self._event(
            name, logging.INFO, host=news.host, session=news.session_id,
            until=news.clock_time or None, error=news.error,
        )  # fmt: skip

    def _preflight(self, news: PreflightDone) -> None:
        result = news.result
        self._event(
            "preflight_ok" if result.ok else "preflight_failed",
            self._quiet if result.ok else logging.ERROR,
            host=result.host,
            user=result.user,
            user_from=news.user_from,
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

    def _ended(self, outcome: FanoutOutcome, result: HostRecord) -> None:
        good = outcome is FanoutOutcome.SUCCESS
        told = good or result.reason is Reason.EXIT_NONZERO
        before, after = _own_fields(result)
        self._event(
            outcome.lower(),
            self._quiet if good or self._quiet == logging.DEBUG else logging.ERROR,
            host=result.host,
            user=result.user,
            **before,
            duration_ms=result.duration_ms,
            exit_code=result.exit_code or None,
            reason=None if good else str(result.reason),
            stop_verified=result.stop_verified,
            **after,
            error=None if told else result.error,
        )

    def _event(self, name: str, level: int, **fields: _Field) -> None:
        line = event(name, level, **fields)
        if self._log is not None and level >= logging.INFO:
            self._log(line)


def _own_fields(result: HostRecord) -> tuple[dict[str, _Field], dict[str, _Field]]:
    """Return what a command's or a turn's line has before and after the common fields."""
    if isinstance(result, FanoutResult):
        lost = result.reason is Reason.LOST_CONTACT
        before: dict[str, _Field] = {"command": result.command_summary, "attempt": result.attempts}
        session = result.session_id if lost else None
        return before, {"session": session, "attached": result.attached or None}
    before = {"session": result.session_id}
    if isinstance(result, TurnResult):
        before |= {"turn": result.turn, "agent": result.agent}
    asks = isinstance(result, TurnResult) and result.asks
    return before | {"attempt": result.attempts or None}, {"asks": asks or None}
