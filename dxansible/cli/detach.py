"""``--detach``: a process of its own waits for the hosts that are off, and the call returns.

The words of the command line reach that process through a pipe, so that no process list shows the
command for as long as the wait lasts. It reports (`FirstStates`) until each host runs the command,
has ended or is waited for.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from dxansible.cli import argv
from dxansible.errors import DxError, EngineError
from dxansible.ids import agent_run, new_run_id, new_token, session_on
from dxansible.record import FanoutOutcome
from dxansible.redact import printable
from dxansible.render.show import emit, show
from dxansible.results import code_of_ends
from dxansible.run.events import HostEnded, HostMoved, HostsKnown
from dxansible.run.host_moves import HostMoves
from dxansible.settings import log_file
from dxansible.states import HostState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dxansible.cli.table import Options
    from dxansible.record import HostRecord
    from dxansible.run.events import Event

    _Report = Mapping[str, Any]

__all__ = ["FirstStates", "detach"]

_GOES_ON = frozenset({HostState.SCHEDULED, HostState.STARTED, HostState.RUNNING})
_REPORTED = _GOES_ON | {HostState.WAITING, HostState.QUEUED, HostState.ENDED}
"""States of which each host has its first reported."""


def detach(options: Options) -> int:
    """Start the process that makes the call, and show what it reports until it waits."""
    of_task = options.command is None
    run_id = options.run_id or (new_token() if of_task else new_run_id())
    order = {"words": argv.complete(sys.argv[1:]), "run_id": run_id}
    reader, writer = os.pipe()
    with (
        subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("detached.py")), str(reader)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=(reader,),
            start_new_session=True,
        ) as process,
        os.fdopen(writer, "w", errors="surrogateescape") as told,
    ):
        os.close(reader)
        json.dump(order, told)
        told.close()
        try:
            reports = [json.loads(line) for line in process.stdout or ()]
        except KeyboardInterrupt:
            process.terminate()
            raise
        process.returncode = 0  # Popen must not wait for it
    hosts = _hosts(reports)
    if not options.quiet:
        _show_states(hosts)
    if of_task:
        _show_sessions(options, agent_run(run_id), hosts)
    else:
        _show_run(options, run_id, hosts)
    return code_of_ends(
        [
            (FanoutOutcome(each["state"]), each["reason"]) if each["ended"] else (None, None)
            for each in hosts
        ]
    )


def _hosts(reports: Sequence[_Report]) -> list[_Report]:
    """Return the reports on hosts. Raises DxError if the call had no result."""
    hosts = [each for each in reports if "host" in each]
    for each in reports:
        if "error" in each and "host" not in each:
            raise _as_told(each)
    if not hosts:
        message = "the process that was to wait has ended"
        raise EngineError(message, f"see the log: {log_file()}")
    return hosts


def _show_states(hosts: Sequence[_Report]) -> None:
    width = max(len(each["host"]) for each in hosts)
    for each in hosts:
        show(f"{each['host']:<{width}}  {each['state']:<16}  {each['note']}".rstrip(), err=True)


def _show_run(options: Options, run_id: str, hosts: Sequence[_Report]) -> None:
    """Show the id of a command's run, and what to do with it."""
    emit(f"{run_id}\n")
    if not all(each["ended"] for each in hosts) and not options.quiet:
        back = f"dx-dispatch --logs {run_id}; stop it with: dx-dispatch --abort {run_id}"
        show(f"see: dx-dispatch --sessions, or {back}", err=True)


def _show_sessions(options: Options, run_id: str, hosts: Sequence[_Report]) -> None:
    """Show the ids of a task's sessions, as a call without ``--detach`` does."""
    left = [each for each in hosts if not each["ended"]]
    for each in left:
        emit(f"{each['session']}\n" if len(hosts) == 1 else f"{each['session']}  {each['host']}\n")
    awaited = [each["session"] for each in left if each["state"] == HostState.WAITING]
    if awaited and not options.quiet:
        stop = awaited[0] if len(hosts) == 1 else run_id
        back = f"stop the wait with: dx-dispatch --abort {stop}"
        show(f"see: dx-dispatch --sessions; {back}", err=True)


def _as_told(report: _Report) -> DxError:
    error = DxError(report["error"], report["remedy"])
    error.exit_code = report["code"]  # type: ignore[misc] # that of its class, in the other process
    return error


class FirstStates:
    """Observer that reports the first state of each host, until all have one."""

    def __init__(self, report: IO[str], run_id: str) -> None:
        """``report`` gets a line of JSON for each host."""
        self._report, self._run_id = report, run_id
        self._hosts: Sequence[str] = ()
        self._run = HostMoves()

    def handle(self, news: Event) -> None:
        """Report the state of a host."""
        match news:
            case HostsKnown():
                self._hosts = news.hosts
            case HostMoved():
                self._run = news.hosts or self._run
                if news.earlier.isdisjoint(_REPORTED):
                    self._first(news)
            case HostEnded():
                last = self._run.last(news.result.host)
                if last is not None and last.earlier.isdisjoint(_REPORTED):
                    self._end(news.result)
            case _:
                pass

    def _is_told(self, host: str) -> bool:
        last = self._run.last(host)
        return last is not None and not _REPORTED.isdisjoint({last.state, *last.earlier})

    def end_all(self, results: Iterable[HostRecord]) -> None:
        """Report the hosts of which no event has told the end."""
        for each in results:
            if not self._run.is_over(each.host):
                for told in self._run.tell(HostEnded(result=each)):
                    self.handle(told)

    def _first(self, news: HostMoved) -> None:
        session = news.session_id or session_on(self._run_id, news.host)
        if news.state is HostState.WAITING:
            why = printable((news.error or "").removeprefix(f"{news.host}: "))
            self._state(news.host, news.state, f"until {news.clock_time}: {why}", session=session)
        elif news.state is HostState.QUEUED:
            self._state(news.host, news.state, session, session=session)
        elif news.state in _GOES_ON:
            self._state(news.host, HostState.RUNNING, session, session=session)

    def _end(self, result: HostRecord) -> None:
        if result.outcome is None:  # the VM goes on with it, as the move has told
            return
        session = result.session_id or ""
        why = printable((result.error or "").removeprefix(f"{result.host}: "))
        end = result.reason or ""
        self._state(result.host, str(result.outcome), why, session=session, end=end)

    def leave_input(self) -> None:
        """Leave standard input to the caller; ours is the null device from now on."""
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
        told = {"host": host, "state": state, "note": note}
        self._tell({**told, "session": session, "ended": end is not None, "reason": end})
        if all(map(self._is_told, self._hosts)):
            self.close()

    def _tell(self, report: Mapping[str, object]) -> None:
        if not self._report.closed:
            with suppress(OSError):  # as above
                self._report.write(json.dumps(report) + "\n")
                self._report.flush()
