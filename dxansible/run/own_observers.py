"""The observers of each call that starts work, before those of its caller."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from dxansible.run.awaiting import listing_waits
from dxansible.run.event_log import EventLog

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dxansible.run.command_call import CommandCall
    from dxansible.run.events import Observer
    from dxansible.run.task_call import TaskCall

__all__ = ["observing_command", "observing_task"]


@contextmanager
def observing_command(call: CommandCall) -> Iterator[Sequence[Observer]]:
    """Yield the log of a command, and what lists the hosts that it waits for."""
    log = EventLog(command=call.summary, log=call.options.log_callback)
    with listing_waits(call, "command") as waits:
        yield (log, *waits)


@contextmanager
def observing_task(call: TaskCall) -> Iterator[Sequence[Observer]]:
    """Do the same as `observing_command` for a task."""
    with listing_waits(call, "agent") as waits:
        yield (EventLog(), *waits)
