"""Many calls at once, each from a client of its own."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from benchmarks.row import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.bench import Bench

__all__ = ["measure"]

_CLIENTS = 50
_COMMAND = "echo hi; sleep 1"


def measure(bench: Bench) -> Iterator[Row]:
    """Yield the row; there is nothing beside it but the second that each command takes."""
    names = bench.fleet.names(_CLIENTS)
    with (
        bench.caller(_CLIENTS) as caller,
        ThreadPoolExecutor(max_workers=_CLIENTS) as clients,
    ):
        caller.warm("all", "--exec", "echo hi")

        def together() -> float:
            began = time.perf_counter()
            calls = [clients.submit(caller.dispatch, name, "--exec", _COMMAND) for name in names]
            for call in calls:
                call.result().saying("hi")
            return time.perf_counter() - began

        together()
        seconds = tuple(together() for _ in range(bench.samples))
    yield Row(
        key="clients",
        work=f"{_CLIENTS} calls at once, each 'echo hi; sleep 1' on a host of its own, warm",
        goal=4.0,
        unit="s",
        ours=seconds,
        note="until the last has ended",
    )
