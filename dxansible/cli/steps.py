"""Commands whose hosts are known before anything begins: in batches (``--serial``), or again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.run.batches import Rollout, split
from dxansible.run.history import Recorder
from dxansible.run.hosts import match_hosts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dxansible.cli.rerun import Chosen
    from dxansible.cli.table import Options
    from dxansible.results import FanoutResult
    from dxansible.run.calls import CommandCall
    from dxansible.run.events import Observer

__all__ = ["in_steps"]


def in_steps(
    options: Options, call: CommandCall, again: Chosen | None = None
) -> tuple[Recorder, Callable[[Sequence[Observer]], list[FanoutResult]]]:
    """Return the run's recorder, and the function that runs the command batch by batch.

    Without ``again`` the hosts are those of the call's pattern. Raises NoMatchError.
    """
    hosts = match_hosts(call.pattern, call.options.settings) if again is None else again.hosts
    gone = [] if again is None else list(again.gone)
    parent = None if again is None else again.parent
    recorder = Recorder(call, parent=parent, serial=options.serial, max_fail=options.max_fail)
    recorder.expect([*(each.host for each in gone), *hosts])

    def follow_it(observers: Sequence[Observer]) -> list[FanoutResult]:
        return Rollout(
            call=call,
            batches=split(hosts, options.serial),
            max_fail=options.max_fail,
            recorder=recorder,
            observers=observers,
            results=gone,
        ).follow()

    return recorder, follow_it
