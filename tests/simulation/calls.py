"""A whole call of the package: its plays, Ctrl-C, killed runs, and the command run again.

The package's own code runs; only the play is a simulated one. The call is the main program of its
history, and drives the loop while it waits for its play.
"""

from __future__ import annotations

from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from dxansible.results import FanoutResult
from dxansible.run import calls
from dxansible.run.events import HostEnded
from dxansible.run.fanout import follow_call
from dxansible.run.history import UNKNOWN, HostEnd, RecordedRun
from dxansible.run.options import FanoutOptions
from dxansible.run.rerun import Chain, Which
from dxansible.run.settling import settle
from tests.simulation.client import HOST, session_of
from tests.simulation.history import History
from tests.simulation.plays import VirtualEvent, settings_of, simulated_plays

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dxansible.run.events import Event

__all__ = ["Call", "play_call"]


class Call:
    """A call, and what it has told of its host."""

    def __init__(self, history: History, name: str) -> None:
        """``name`` is the run's."""
        self.history, self.name = history, name
        self.result: FanoutResult | None = None
        self.began = self.ended = 0.0
        self.living = 0
        """Processes of the command that are alive at the end of the call."""

    def handle(self, news: Event) -> None:
        """Note the result."""
        if isinstance(news, HostEnded) and isinstance(news.result, FanoutResult):
            self.result = news.result

    def make(self, command: int) -> None:
        """Make the call."""
        caller, event = self.history.plan["caller"], VirtualEvent(self.history.loop)
        self.began = self.history.loop.now
        options = FanoutOptions(
            timeout_sec=caller.get("timeout", 60.0), max_retries=caller.get("retries", 1),
            preflight=caller.get("preflight", True), settings=settings_of(self.history),
            when_back_sec=caller.get("when_back"),
        )  # fmt: skip
        call = calls.CommandCall(
            HOST, b"run %d" % command, options, cancelled=event, new_id=f"cmd_{self.name}"
        )
        with suppress(KeyboardInterrupt):
            follow_call(call, [self])
        call.end()
        self.ended = self.history.loop.now
        works = self.history.vm.truth.get(session_of(self.name), [])
        self.living = sum(work.living for work in works)


def play_call(plan: Mapping[str, Any]) -> tuple[History, list[Call]]:
    """Play a plan with a ``caller``. Returns the history, and its calls."""
    history = History({**plan, "caller": dict(plan["caller"])})
    history.schedule()
    made = [Call(history, "a")]
    with simulated_plays({HOST: history}, history.plan["caller"]):
        made[0].make(0)
        if plan["caller"].get("rerun") and _runs_again(made[0]):
            made.append(Call(history, "b"))
            made[1].make(0)
    history.loop.run(history.loop.now + 150.0)
    return history, made


def _runs_again(call: Call) -> bool:
    """Whether the package runs a command again, whose run is recorded with this result."""
    end = UNKNOWN if call.result is None else HostEnd.of(call.result)
    run = RecordedRun(
        name="1", run_id=f"cmd_{call.name}", began=0.0, pattern=HOST, inventory="",
        summary="", timeout_sec=60.0, max_retries=1,
        hosts={HOST: end},
    )  # fmt: skip
    chain = Chain((run,))
    records: Any = SimpleNamespace(write=lambda _run: None)
    found = settle(chain, chain.open_ends(Which.ALL), records, settings_of(call.history), [HOST])
    open_on = found.running or HOST in found.doubtful
    return HOST in found.chain.choose(Which.ALL) and not open_on
