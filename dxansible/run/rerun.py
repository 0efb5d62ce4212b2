"""Chooses the hosts on which a recorded command is to run again.

A run that is run again, and the runs that came of it, are a chain. What counts of a host is its
last end in the chain, so that each pass has fewer hosts than the one before. Where no caller saw
the end, the VMs are asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, assert_never

from dxansible.errors import UsageError
from dxansible.ids import session_on
from dxansible.record import FanoutOutcome, Reason
from dxansible.run.attach_commands import follow_commands
from dxansible.run.history import HostEnd
from dxansible.value import replace

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from dxansible.run.history import History, RecordedRun
    from dxansible.settings import Settings

__all__ = ["Chain", "Which", "find_chain", "recall"]

_MOST_SHOWN = 5
_SEE = "see: dx-dispatch --runs"
_SAID_BY_THE_VM = frozenset(
    {
        Reason.OK,
        Reason.EXIT_NONZERO,
        Reason.SIGNALLED,
        Reason.LOST,
        Reason.DEADLINE,
        Reason.ABORTED,
        Reason.NOT_STARTED,
    }
)
"""Other reasons are about this question, not about the command."""


class Which(StrEnum):
    """The hosts to run on again, by their last end."""

    FAILED = "failed"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    ALL = "all"

    def includes(self, end: HostEnd) -> bool:
        """Whether a host with this end is meant; an unknown end counts as failed."""
        match self:
            case Which.FAILED:
                return end.outcome is not FanoutOutcome.SUCCESS
            case Which.UNREACHABLE:
                lost = end.reason == Reason.LOST_CONTACT
                return lost or end.outcome is FanoutOutcome.PREFLIGHT_FAILED
            case Which.TIMEOUT:
                return end.outcome is FanoutOutcome.TIMEOUT
            case Which.ALL:
                return True
            case _:
                assert_never(self)


@dataclass(frozen=True, slots=True)
class Chain:
    """The runs of one command that came of each other, oldest first."""

    runs: tuple[RecordedRun, ...]

    @property
    def newest(self) -> RecordedRun:
        """The last of them; the next run has it as its parent."""
        return self.runs[-1]

    @property
    def ends(self) -> dict[str, HostEnd]:
        """The last end of each host; a run that was not started there changes nothing."""
        return {host: run.hosts[host] for host, run in self._last_runs().items()}

    @property
    def unclear(self) -> dict[str, str]:
        """The run id of each host on which the command may be running still."""
        last = self._last_runs()
        return {host: run.run_id for host, run in last.items() if not run.hosts[host].known}

    def choose(self, which: Which) -> list[str]:
        """Return the hosts to run on again, in the order of the oldest run."""
        return [host for host, end in self.ends.items() if which.includes(end)]

    def learn(self, ends: Mapping[str, HostEnd], history: History) -> Chain:
        """Return the chain with the ends that the VMs know, and write them down.

        Raises OSError.
        """
        last, runs = self._last_runs(), []
        for run in self.runs:
            news = {host: end for host, end in ends.items() if last[host] is run}
            changed = replace(run, hosts={**run.hosts, **news}) if news else run
            if news:
                history.write(changed)
            runs.append(changed)
        return Chain(tuple(runs))

    def _last_runs(self) -> dict[str, RecordedRun]:
        """Return the run that last began on each host; the first one if none did."""
        last: dict[str, RecordedRun] = {}
        for run in self.runs:
            for host, end in run.hosts.items():
                if end.reason != Reason.NOT_STARTED or host not in last:
                    last[host] = run
        return last


def find_chain(runs: Sequence[RecordedRun], typed: str | None) -> Chain:
    """Return the chain of the newest run, or of the run with the typed id or beginning of one.

    ``runs`` are oldest first. Raises UsageError.
    """
    found = _find(runs, typed)
    by_name = {run.name: run for run in runs}
    root = _root(found, by_name)
    return Chain(tuple(run for run in runs if _root(run, by_name) == root))


def _root(run: RecordedRun, by_name: Mapping[str, RecordedRun]) -> str:
    """Return the name of a chain's first run, which may have been removed."""
    seen = {run.name}
    while run.parent is not None and run.parent not in seen:
        if run.parent not in by_name:
            return run.parent
        run = by_name[run.parent]
        seen.add(run.name)
    return run.name


def _find(runs: Sequence[RecordedRun], typed: str | None) -> RecordedRun:
    if not runs:
        message = "no run is recorded: only runs of commands on several hosts are"
        raise UsageError(message, 'run one: dx-dispatch PATTERN --exec "COMMAND"')
    if typed is None:
        return runs[-1]
    if not typed:
        raise UsageError("the id of the run is empty", f"leave it out for the newest; {_SEE}")
    whole = [run for run in runs if run.run_id == typed]
    begun = whole or [run for run in runs if run.run_id.startswith(typed)]
    ids = sorted({run.run_id for run in begun})
    if not ids:
        words = ", ".join(Which)
        raise UsageError(f"{typed} is neither a recorded run nor one of {words}", _SEE)
    if len(ids) > 1:
        more = f" and {len(ids) - _MOST_SHOWN} more" if len(ids) > _MOST_SHOWN else ""
        message = f"{len(ids)} runs begin with {typed}"
        raise UsageError(message, f"give one of them: {', '.join(ids[:_MOST_SHOWN])}{more}")
    return begun[-1]


def recall(chain: Chain, history: History, settings: Settings, known: Collection[str]) -> Chain:
    """Return the chain with the ends that the VMs know, which are written down.

    Only hosts in ``known``, those of the inventory, are asked; one that does not answer stays as it
    is. Raises UsageError if the command is still running somewhere: it would run there twice.
    """
    by_run: dict[str, list[str]] = {}
    for host, run_id in chain.unclear.items():
        if host in known:
            by_run.setdefault(run_id, []).append(host)
    ends: dict[str, HostEnd] = {}
    running = []
    for run_id, hosts in by_run.items():
        ids = [session_on(run_id, host) for host in hosts]
        results = follow_commands(ids, settings, wait=False)
        answered = {result.host: result for result in results}
        silent = [host for host in hosts if host not in answered]
        running += [session_on(run_id, host) for host in silent]
        for host, result in answered.items():
            if result.reason in _SAID_BY_THE_VM:
                ends[host] = HostEnd(outcome=result.outcome, reason=str(result.reason))
    chain = chain.learn(ends, history)
    if running:
        message = f"the command is still running under {', '.join(running)}"
        remedy = "wait for it with --logs ID, or stop it with --abort ID"
        raise UsageError(message, remedy)
    return chain
