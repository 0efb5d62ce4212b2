"""Chooses the hosts on which a recorded command is to run again.

A run that is run again, and the runs that came of it, are a chain. What counts of a host is its
last end in the chain, so that each pass has fewer hosts than the one before. Where the records
prove no end, `settle` asks the VMs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, assert_never

from dxansible.errors import UsageError
from dxansible.record import FanoutOutcome, Reason
from dxansible.value import replace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dxansible.run.history import History, HostEnd, RecordedRun

__all__ = ["Chain", "Which", "find_chain"]

_MOST_SHOWN = 5
_SEE = "see: dx-dispatch --runs"


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
                lost = end.reason in {Reason.LOST_CONTACT, Reason.UNKNOWN_SESSION}
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

    def open_ends(self, which: Which) -> dict[str, list[str]]:
        """Return the hosts whose end a run's record does not prove, by the name of the run.

        Only hosts that are meant, or may be once their last end is known. All runs count: an
        earlier one than the last may be running, too.
        """
        ends = self.ends
        wanted = {host for host, end in ends.items() if which.includes(end) or not end.known}
        found = {
            run.name: [host for host, end in run.hosts.items() if host in wanted and not end.known]
            for run in self.runs
        }
        return {name: hosts for name, hosts in found.items() if hosts}

    def choose(self, which: Which) -> list[str]:
        """Return the hosts to run on again, in the order of the oldest run."""
        return [host for host, end in self.ends.items() if which.includes(end)]

    def learn(self, ends: Mapping[str, Mapping[str, HostEnd]], history: History) -> Chain:
        """Return the chain with these ends, by the name of the run, and write them down.

        Raises OSError.
        """
        runs = []
        for run in self.runs:
            news = ends.get(run.name)
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
