"""Commands whose hosts are known before anything begins: in batches (``--serial``), or again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.cli.commands import show_execution
from dxansible.run.batches import Rollout, split
from dxansible.run.hosts import match_hosts
from dxansible.run.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dxansible.cli.standard_input import StandardInput
    from dxansible.cli.table import Options
    from dxansible.results import FanoutResult
    from dxansible.run.command_call import CommandCall
    from dxansible.run.events import Observer

__all__ = ["follow_steps", "roll_out"]


def follow_steps(options: Options, call: CommandCall, source: StandardInput) -> int:
    """``TARGET --exec COMMAND --serial SIZES``. Raises NoMatchError."""
    hosts = match_hosts(call.pattern, call.options.settings)
    return roll_out(options, call, source, hosts)


def roll_out(  # noqa: PLR0913 - all but the first four are options by name
    options: Options,
    call: CommandCall,
    source: StandardInput,
    hosts: Sequence[str],
    *,
    ended: Sequence[FanoutResult] = (),
    parent: str | None = None,
) -> int:
    """Run a command on these hosts, in batches if the options say so, and show it.

    ``ended`` are results of further hosts, which can't have the command. ``parent`` is the name of
    the record that the run comes from.
    """
    recorder = Recorder(call, parent=parent, serial=options.serial, max_fail=options.max_fail)
    recorder.expect([*(each.host for each in ended), *hosts])

    def follow_it(observers: Sequence[Observer]) -> list[FanoutResult]:
        return Rollout(
            call=call,
            batches=split(hosts, options.serial),
            max_fail=options.max_fail,
            recorder=recorder,
            observers=observers,
            results=list(ended),
        ).follow()

    return show_execution(options, call, source, recorder, follow_it)
