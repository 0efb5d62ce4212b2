"""Judges runs on several hosts by the truth: batches, the limit of failures, and reruns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dxansible.record import FanoutOutcome
from dxansible.run.rerun import Which
from tests.simulation.client import session_of
from tests.simulation.judge import keeps_records
from tests.simulation.judge_calls import judge_end
from tests.simulation.rollouts import play_rollouts

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Mapping

    from tests.simulation.history import History
    from tests.simulation.process import Work
    from tests.simulation.rollouts import Run, Told

__all__ = ["judge_rollouts"]


def judge_rollouts(plan: Mapping[str, Any], told: Counter[str] | None = None) -> list[str]:
    """Play a plan with ``hosts``, and return what is wrong; empty if nothing is.

    ``told`` counts the verdicts.
    """
    histories, runs = play_rollouts(plan)
    found = []
    for run in runs:
        if told is not None:
            ends = [each.result for each in run.told.values()]
            told.update(f"rollout {each.outcome}/{each.reason}" for each in ends)
        found += [f"run {run.name}: {text}" for text in _of(histories, run, plan["caller"])]
    for host, history in histories.items():
        if keeps_records(history):
            found += [f"{host}: {text}" for text in _runs_of(history, runs)]
    return found


def _of(histories: Mapping[str, History], run: Run, caller: Mapping[str, Any]) -> Iterator[str]:
    for host, told in run.told.items():
        for text in judge_end(histories[host], told):
            yield f"{host}: {text}"
    hosts = [host for batch in run.batches for host in batch]
    if run.results is not None and set(hosts) - {each.host for each in run.results}:
        yield "a host has no result"
    before: list[str] = []
    for batch in run.batches:
        for host in batch:
            for work in _works(histories[host], run):
                yield from _too_early(run, caller, before, work, host)
        before += batch


def _too_early(
    run: Run, caller: Mapping[str, Any], before: list[str], work: Work, host: str
) -> Iterator[str]:
    """Say what had to keep a command on a host of a later batch from its begin."""
    ends = [run.told.get(each) for each in before]
    if any(each is None or each.ended > work.began for each in ends):
        yield f"the command began on {host} before the batch before had ended"
    limit = caller["max_fail"]
    failed = sum(
        each is not None and each.result.outcome is not FanoutOutcome.SUCCESS for each in ends
    )
    if limit is not None and failed > limit:
        yield f"the command began on {host} after {failed} failures"


def _works(history: History, run: Run) -> list[Work]:
    found = history.vm.truth.get(session_of(run.name, history.host), [])
    return [work for work in found if work.token not in {each.token for each in history.clients}]


def _runs_of(history: History, runs: list[Run]) -> Iterator[str]:
    """Say what is wrong with the runs of the command on one host after each other."""
    earlier: list[tuple[Run, Work]] = []
    for run in runs:
        works = history.vm.truth.get(session_of(run.name, history.host), [])
        for work in works:
            for other, before in earlier:
                if before.ended is None or before.ended > work.began:
                    yield f"run {run.name} began while run {other.name} was running"
            succeeded = _has_succeeded(history.host, runs[: runs.index(run)])
            if succeeded and run.which is not Which.ALL:
                yield f"run {run.name} began, though the command had succeeded"
        earlier += [(run, work) for work in works]
        for later in runs[runs.index(run) + 1 :]:
            if any(work.began > later.began for work in works) and history.host in later.told:
                yield f"run {run.name} began after run {later.name} was made"


def _has_succeeded(host: str, runs: list[Run]) -> bool:
    """Whether the last of the runs that began there was told to have succeeded."""
    told: list[Told] = [run.told[host] for run in runs if host in run.told]
    return bool(told) and told[-1].result.outcome is FanoutOutcome.SUCCESS
