"""A task is handed over: until the session's id is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import peers
from benchmarks.bench import milliseconds
from benchmarks.row import Row
from benchmarks.timing import alternate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.bench import Bench

__all__ = ["measure"]


def measure(bench: Bench) -> Iterator[Row]:
    """Yield the row with the goal; the agent runs the task itself, as a shell script."""
    (host,) = bench.fleet.names(1)
    task = (host, "true", "--agent", "shell")
    with bench.caller(1) as caller, bench.caller(1) as other:
        caller.warm(*task)
        found = alternate(
            bench.samples,
            {
                "ours": lambda: caller.until_line("ses_", *task),
                "ssh": lambda: other.run(*peers.ssh(bench.fleet, host, "true")),
            },
        )
    yield Row(
        key="task",
        work='dx-dispatch h1 "true" --agent shell until the id is printed, warm',
        beside="ssh h1 true",
        goal=1.2,
        ours=milliseconds(found["ours"]),
        theirs=milliseconds(found["ssh"]),
        note=f"our connection lives (ControlPersist), ssh makes a new one{caller.remark}",
    )
