"""``dx-dispatch --help`` beside an interpreter that does nothing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmarks.bench import milliseconds
from benchmarks.row import Row
from benchmarks.timing import alternate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.bench import Bench

__all__ = ["measure"]


def measure(bench: Bench) -> Iterator[Row]:
    """Yield the row with the goal, and one without an engine."""
    (host,) = bench.fleet.names(1)
    with bench.caller(1) as caller, bench.caller(1, engine=False) as without:
        caller.warm(host, "--exec", "true")
        found = alternate(
            bench.samples,
            {
                "warm": lambda: caller.dispatch("--help"),
                "beside": lambda: caller.run(sys.executable, "-c", "pass"),
                "without an engine": lambda: without.dispatch("--help"),
            },
        )
    for how in ("warm", "without an engine"):
        yield Row(
            key="help",
            work=f"dx-dispatch --help, {how}",
            beside="python3 -c pass",
            goal=6.0 if how == "warm" else None,
            ours=milliseconds(found[how]),
            theirs=milliseconds(found["beside"]),
        )
