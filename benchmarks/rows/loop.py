"""``fanout_ssh`` called again and again by one Python program."""

from __future__ import annotations

import json
import statistics
from typing import TYPE_CHECKING, Any

from benchmarks import peers
from benchmarks.row import Row
from benchmarks.timing import BenchError, alternate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.bench import Bench
    from benchmarks.caller import Caller

__all__ = ["measure"]

_CALLS = 20
_GOALS = {"fabric": 0.5, "fabric-kept": None}
_BESIDE = {
    "fabric": "Fabric, a new Connection for each call",
    "fabric-kept": "Fabric, one Connection for all calls",
}


def measure(bench: Bench) -> Iterator[Row]:
    """Yield a row for each way to use Fabric; a sample is the mean of one process's calls."""
    (host,) = bench.fleet.names(1)
    with bench.caller(1) as caller, bench.caller(1) as other:

        def loop(who: Caller, kind: str, calls: int = _CALLS) -> dict[str, Any]:
            answer = who.run(*peers.loop(bench.fleet, kind, host, calls))
            return dict(json.loads(answer.out))

        def ours() -> dict[str, Any]:
            for _ in range(5):
                found = loop(caller, "fanout_ssh")
                if not found["unused"]:
                    return found
            raise BenchError("calls of fanout_ssh found no engine, in 5 loops")

        caller.warm(host, "--exec", "true")
        while loop(caller, "fanout_ssh", 3)["unused"]:
            pass  # a program in Python may need an engine of its own
        loops = alternate(
            bench.samples,
            {
                "fabric": lambda: loop(other, "fabric"),
                "ours": ours,
                "fabric-kept": lambda: loop(other, "fabric-kept"),
            },
        )
    found = {
        name: tuple(1000 * statistics.mean(each["seconds"]) for each in loops[name])
        for name in loops
    }
    for name, goal in _GOALS.items():
        yield Row(
            key="loop",
            work="fanout_ssh in a loop of 20 calls, a call",
            beside=_BESIDE[name],
            goal=goal,
            ours=found["ours"],
            theirs=found[name],
            note="without the time to import either; our connection lives between calls",
        )
