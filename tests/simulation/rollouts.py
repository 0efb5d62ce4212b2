"""A command on several hosts: in batches, killed at any moment, and run again by its record.

The package's own code runs, with its records in memory.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dxansible.results import FanoutResult
from dxansible.run import calls
from dxansible.run.batches import Rollout, split
from dxansible.run.events import HostEnded
from dxansible.run.history import Recorder
from dxansible.run.options import FanoutOptions
from dxansible.run.rerun import Which, find_chain
from dxansible.run.settling import settle
from tests.simulation.client import session_of
from tests.simulation.history import History
from tests.simulation.loop import Loop
from tests.simulation.plays import DiedError, VirtualEvent, settings_of, simulated_plays

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dxansible.run.events import Event
    from dxansible.run.history import RecordedRun
    from dxansible.settings import Settings

__all__ = ["Run", "Told", "play_rollouts"]

_AFTER = 150.0


@dataclass
class Told:
    """What a run has told of a host."""

    name: str
    """Of the run."""
    began: float
    result: FanoutResult
    ended: float
    living: int
    """Processes of the command that are alive at that moment."""


@dataclass
class Run:
    """A run of the command, the first one or a later one."""

    name: str
    began: float
    batches: Sequence[Sequence[str]]
    which: Which | None
    """The hosts that were to run again; None for the first run."""
    told: dict[str, Told] = field(default_factory=dict)
    """By host: its first result."""
    results: Sequence[FanoutResult] | None = None
    """What the call returned; None if it died, or was interrupted."""
    died: bool = False


class _Memory:
    """The directory of the records."""

    def __init__(self) -> None:
        """It is empty."""
        self._records: dict[str, RecordedRun] = {}

    def write(self, run: RecordedRun) -> None:
        self._records[run.name] = run

    def runs(self) -> list[RecordedRun]:
        return [self._records[name] for name in sorted(self._records)]


class _Caller:
    """Who makes the calls."""

    def __init__(self, plan: Mapping[str, Any]) -> None:
        """``plan`` is as in `plan`, with hosts."""
        self.caller: dict[str, Any] = dict(plan["caller"])
        self.loop = Loop()
        self.histories: dict[str, History] = {}
        for number, (host, each) in enumerate(plan["hosts"].items()):
            own = {**each, "caller": {}, "seed": plan["seed"] * 4 + number}
            self.histories[host] = History(own, host, self.loop)
        self.records: Any = _Memory()
        self.runs: list[Run] = []
        self._run: Run | None = None

    def play(self) -> None:
        for history in self.histories.values():
            history.schedule()
        with simulated_plays(self.histories, self.caller):
            self._make(list(self.histories), None, None, [])
            for which, pause in self.caller["again"]:
                VirtualEvent(self.loop).wait(pause)
                self._make_again(Which(which))
        self.loop.run(self.loop.now + _AFTER)

    def handle(self, news: Event) -> None:
        """Note a host's result."""
        run = self._run
        if run is None or not isinstance(news, HostEnded):
            return
        result = news.result
        if isinstance(result, FanoutResult) and result.host not in run.told:
            works = self.histories[result.host].vm.truth.get(session_of(run.name, result.host), [])
            living = sum(work.living for work in works)
            run.told[result.host] = Told(run.name, run.began, result, self.loop.now, living)

    def _make_again(self, which: Which) -> None:
        """Do as ``--rerun`` does."""
        chain = find_chain(self.records.runs(), None)
        self.caller.pop("dead", None)
        settled = settle(
            chain, chain.open_ends(which), self.records, self._settings(), list(self.histories)
        )
        chosen = settled.chain.choose(which)
        if settled.running or not chosen:
            return
        doubtful = settled.leave_out(chosen)
        left = {each.host for each in doubtful}
        hosts = [host for host in self.histories if host in set(chosen) - left]
        self._make(hosts, which, settled.chain.newest.name, doubtful)

    def _settings(self) -> Settings:
        return settings_of(next(iter(self.histories.values())))

    def _make(
        self,
        hosts: Sequence[str],
        which: Which | None,
        parent: str | None,
        doubtful: list[FanoutResult],
    ) -> None:
        caller, name = self.caller, "abc"[len(self.runs)]
        options = FanoutOptions(
            timeout_sec=caller["timeout"], max_retries=caller["retries"],
            preflight=caller.get("preflight", True), settings=self._settings(),
        )  # fmt: skip
        call = calls.CommandCall(
            "all", b"run 0", options, cancelled=VirtualEvent(self.loop), new_id=f"cmd_{name}"
        )
        recorder = Recorder(
            call, parent=parent, serial=caller["serial"], max_fail=caller["max_fail"]
        )
        recorder._history = self.records
        recorder.leave([each.host for each in doubtful])
        recorder.expect([*(each.host for each in doubtful), *hosts])
        batches = split(hosts, caller["serial"])
        run = self._run = Run(name, self.loop.now, batches, which)
        self.runs.append(run)
        rollout = Rollout(
            call=call, batches=batches, max_fail=caller["max_fail"], recorder=recorder,
            observers=[self], results=list(doubtful),
        )  # fmt: skip
        try:
            with suppress(KeyboardInterrupt):
                run.results = rollout.follow()
                recorder.finish(run.results)
        except DiedError:
            run.died = True
        call.end()


def play_rollouts(plan: Mapping[str, Any]) -> tuple[Mapping[str, History], list[Run]]:
    """Play a plan with ``hosts``. Returns their histories and the runs."""
    caller = _Caller(plan)
    caller.play()
    return caller.histories, caller.runs
