"""Reports where each host of a detached call is, to the call that has started it."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from dxansible.ids import session_on
from dxansible.redact import printable
from dxansible.run.events import CommandRuns, HostEnded, HostsKnown, HostWaits, OutputReceived

if TYPE_CHECKING:
    from collections.abc import Mapping

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
                self._state(news.host, "waiting", f"until {news.clock_time}: {why}")
            case OutputReceived() | CommandRuns():
                self._state(news.host, "running", session_on(self._run_id, news.host))
            case HostEnded():
                self.end(news.result)
            case _:
                pass

    def end(self, result: HostRecord) -> None:
        """Report the outcome of a host."""
        why = printable((result.error or "").removeprefix(f"{result.host}: "))
        self._state(result.host, str(result.outcome), why, ended=True)

    def fail(self, error: DxError) -> None:
        """Report that the call has no result."""
        code = error.exit_code
        self._tell({"error": error.message, "remedy": error.remedy, "code": code})

    def close(self) -> None:
        """Report nothing more."""
        with suppress(OSError):  # the caller is gone
            self._report.close()

    def _state(self, host: str, state: str, note: str, *, ended: bool = False) -> None:
        if host in self._told:
            return
        self._told.add(host)
        self._tell({"host": host, "state": state, "note": note, "ended": ended})
        if self._told >= self._hosts:
            self.close()

    def _tell(self, report: Mapping[str, object]) -> None:
        if not self._report.closed:
            with suppress(OSError):  # as above
                self._report.write(json.dumps(report) + "\n")
                self._report.flush()
