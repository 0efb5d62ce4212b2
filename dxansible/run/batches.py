"""Runs a command on one batch of hosts after another, as one run."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dxansible import verdict
from dxansible.errors import DxError
from dxansible.evidence import Evidence, nothing_sent
from dxansible.ids import session_on
from dxansible.logs import event
from dxansible.record import FanoutOutcome
from dxansible.results import FanoutResult
from dxansible.run.calls import CommandCall
from dxansible.run.events import BatchBegins, Event, HostEnded, HostsKnown
from dxansible.run.fanout import follow_call, unknown_host
from dxansible.run.host_moves import HostMoves
from dxansible.value import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dxansible.record import Verdict
    from dxansible.run.events import Observer
    from dxansible.run.history import Recorder

__all__ = ["Rollout", "split", "without_host"]


def split(hosts: Sequence[str], steps: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the batches of hosts, with sizes as Ansible's ``serial`` has them.

    A percentage is of all hosts, rounded down, and at least one host. The last size repeats.
    Without ``steps`` there is one batch.
    """
    sizes = [_size(step, len(hosts)) for step in steps] or [len(hosts)]
    batches: list[tuple[str, ...]] = []
    done = 0
    while done < len(hosts):
        size = sizes[min(len(batches), len(sizes) - 1)]
        batches.append(tuple(hosts[done : done + size]))
        done += size
    return batches


def without_host(hosts: Sequence[str], summary: str) -> list[FanoutResult]:
    """Return the results of recorded hosts that the inventory no longer has, and log them."""
    error = "no such host any more in the inventory; give another one: -i PATH"
    return [unknown_host(host, summary, f"{host}: {error}") for host in hosts]


def _size(step: str, hosts: int) -> int:
    if step.endswith("%"):
        return max(hosts * int(step[:-1]) // 100, 1)
    return int(step)


@dataclass(slots=True, kw_only=True)
class Rollout:
    """A command's run in batches; each is a run of Ansible, and all have one run id."""

    call: CommandCall
    """The command as a whole; it is never begun itself."""
    batches: Sequence[tuple[str, ...]]
    max_fail: int | None
    """Once more hosts than this did not succeed, no further batch begins; None is no limit."""
    recorder: Recorder
    observers: Sequence[Observer]
    results: list[FanoutResult] = field(default_factory=list)
    """May have results before the first batch: of hosts that are in none."""
    _known: bool = False
    _moves: HostMoves = field(init=False)

    def __post_init__(self) -> None:
        """Begin with no host's state."""
        self._moves = HostMoves(self.call.options.settings.machine)

    def follow(self) -> list[FanoutResult]:
        """Run the batches, and return a result of each host.

        Raises DxError if the first batch can't be run at all. If a later one can't be, its hosts
        have lost contact, and no further one begins.
        """
        broken = False
        for number, batch in enumerate(self.batches):
            obstacle = "an earlier batch could not be run" if broken else self._obstacle()
            if obstacle is not None:
                self._leave(self.batches[number:], obstacle)
                break
            try:
                self.results += self._run(batch)
            except DxError as error:
                if number == 0:
                    raise
                broken = True
                self._lose(batch, str(error))
        return self.results

    def _obstacle(self) -> str | None:
        """Return why no further batch may begin; None if nothing is in its way."""
        if self.call.cancelled.is_set():
            return "the call was stopped before that"
        failed = sum(each.outcome is not FanoutOutcome.SUCCESS for each in self.results)
        if self.max_fail is not None and failed > self.max_fail:
            return f"{failed} host(s) did not succeed, and --max-fail is {self.max_fail}"
        return None

    def _run(self, batch: Sequence[str]) -> list[FanoutResult]:
        whole = self.call
        call = CommandCall(
            ",".join(batch),
            whole.text,
            replace(whole.options, run_id=whole.run_id),
            cancelled=whole.cancelled,
            flow=whole.flow,
        )
        self.recorder.begin(batch)
        call.begin()
        self._tell_own(BatchBegins(hosts=tuple(batch)))
        return follow_call(call, [self], self._moves)

    def handle(self, news: Event) -> None:
        """Pass an event of a batch on; its hosts are only a part of those that are known."""
        match news:
            case HostsKnown() if self._known:
                return
            case HostsKnown():
                self._known = True
                hosts = [each.host for each in self.results]
                hosts += [host for batch in self.batches for host in batch]
                self._tell(replace(news, hosts=tuple(hosts)))
            case _:
                self._tell(news)

    def _tell(self, news: Event) -> None:
        for observer in [*self.observers, self.recorder]:
            observer.handle(news)

    def _tell_own(self, news: BatchBegins | HostEnded) -> None:
        """Tell an event that is of no batch's run."""
        for told in self._moves.tell(news):
            self._tell(told)

    def _leave(self, batches: Sequence[Sequence[str]], why: str) -> None:
        """Give the hosts of batches that do not begin their results."""
        hosts = [host for batch in batches for host in batch]
        event("batches_stopped", logging.ERROR, not_started=len(hosts), reason=why)
        for host in hosts:
            proof = nothing_sent(Evidence.NEVER_SENT)
            self._end(host, verdict.not_started(f"{host}: not started: {why}", proof))

    def _lose(self, batch: Sequence[str], why: str) -> None:
        session = self.call.run_id
        for host in batch:
            see = f"see: dx-dispatch --logs {session_on(session, host)}"
            error = f"{host}: {why}; the command may be running there; {see}"
            self._end(host, verdict.lost_contact(error), session_on(session, host))

    def _end(self, host: str, decided: Verdict, session_id: str | None = None) -> None:
        result = verdict.as_end(
            FanoutResult,
            decided,
            host=host,
            command_summary=self.call.summary,
            session_id=session_id,
        )
        self.results.append(result)
        self._tell_own(HostEnded(result=result))
