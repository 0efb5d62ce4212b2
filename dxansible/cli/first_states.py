"""Reports where each host of a detached call is, to the call that has started it."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from dxansible.ids import session_on
from dxansible.redact import printable
from dxansible.run.events import CommandRuns, HostEnded, HostsKnown, HostWaits, OutputReceived
from dxansible.run.turn_events import TurnUpdate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dxansible.errors import DxError
    from dxansible.record import HostRecord
    from dxansible.run.events import Event

__all__ = ["FirstStates"]


class FirstStates:
    """Observer that reports the first state of each host, until all have one."""

    def __init__(self, report: IO[str], run_id: str) -> None:
        """``report`` gets a line of JSON for each host."""
        self._report, self._run_id = report, run_id
        self._hosts: set[str] = set()
        self._told: set[str] = set()

    def handle(self, news: Event) -> None:
        """Report the state of a host."""
        match news:
            case HostsKnown():
                self._hosts = set(news.hosts)
            case HostWaits() if news.until is not None:
                why = printable((news.error or "").removeprefix(f"{news.host}: "))
                words = f"until {news.clock_time}: {why}"
                self._state(news.host, "waiting", words, session=news.session_id)
            case OutputReceived() | CommandRuns():
                session = session_on(self._run_id, news.host)
                self._state(news.host, "running", session, session=session)
            case TurnUpdate() if news.queued or news.started:
                session, state = news.session_id, "queued" if news.queued else "running"
                self._state(news.host, state, session, session=session)
            case HostEnded():
                self._end(news.result)
            case _:
                pass

    def end_all(self, results: Iterable[HostRecord]) -> None:
        """Report the hosts of which no event has told the end."""
        for each in results:
            self._end(each)

    def _end(self, result: HostRecord) -> None:
        session = result.session_id or ""
        if result.outcome is None:  # the VM goes on with the turn
            self._state(result.host, "running", session, session=session)
            return
        why = printable((result.error or "").removeprefix(f"{result.host}: "))
        end = result.reason or ""
        self._state(result.host, str(result.outcome), why, session=session, end=end)

    def leave_input(self) -> None:
        """Have no standard input any more: that of the caller is its own again."""
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)

    def fail(self, error: DxError) -> None:
        """Report that the call has no result."""
        code = error.exit_code
        self._tell({"error": error.message, "remedy": error.remedy, "code": code})

    def close(self) -> None:
        """Report nothing more."""
        with suppress(OSError):  # the caller is gone
            self._report.close()

    def _state(
        self, host: str, state: str, note: str, *, session: str, end: str | None = None
    ) -> None:
        """Tell a host's state; ``end`` is the reason of its end, None if it has not ended."""
        if host in self._told:
            return
        self._told.add(host)
        told = {"host": host, "state": state, "note": note}
        self._tell({**told, "session": session, "ended": end is not None, "reason": end})
        if self._told >= self._hosts:
            self.close()

    def _tell(self, report: Mapping[str, object]) -> None:
        if not self._report.closed:
            with suppress(OSError):  # as above
                self._report.write(json.dumps(report) + "\n")
                self._report.flush()
