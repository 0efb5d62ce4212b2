"""``--list`` of hosts one of which never answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.caller import Caller
from benchmarks.row import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.bench import Bench

__all__ = ["measure"]

_HOSTS = 50
_LIMIT = 5.0
"""Seconds that a host has to answer, the default of dx-dispatch."""
_PREFLIGHT_FAILED = 3


def measure(bench: Bench) -> Iterator[Row]:
    """Yield the row; there is nothing beside it but the limit."""
    inventory = bench.fleet.inventory(_HOSTS, black_hole=True)
    codes = (0, _PREFLIGHT_FAILED)
    with Caller(bench.fleet, inventory) as caller:
        caller.warm("--list", codes=codes)
        runs = [
            caller.dispatch_warm("--list", codes=codes).saying("OK", _HOSTS - 1)
            for _ in range(bench.samples)
        ]
    yield Row(
        key="list",
        work="--list of 50 hosts, warm, one of them a black hole",
        goal=_LIMIT + 0.5,
        unit="s",
        ours=tuple(each.seconds for each in runs),
        note=f"the limit for a host to answer is {_LIMIT:g} s{caller.remark}",
    )
