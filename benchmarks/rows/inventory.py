"""Finding one target in a static inventory of 10,000 hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.bench import milliseconds
from benchmarks.inventories import write_static
from benchmarks.row import Row
from benchmarks.timing import alternate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.bench import Bench
    from benchmarks.timing import Run

__all__ = ["measure"]

_HOSTS = 10_000


def measure(bench: Bench) -> Iterator[Row]:
    """Yield the row with the goal, and one of whole calls beside each other."""
    (name,) = bench.fleet.names(1)
    host = bench.fleet.host(name)
    large, small = bench.fleet.root / "large.yml", bench.fleet.root / "small.yml"
    write_static(large, _HOSTS, host)
    write_static(small, 1, host)
    with bench.caller(1) as caller, bench.caller(1) as other:
        to_large = ("-i", str(large), f"h{_HOSTS}", "--exec", "echo hi")
        to_small = ("-i", str(small), "h1", "--exec", "echo hi")
        caller.warm(*to_large)
        caller.warm(*to_small)

        def list_all() -> Run:
            return other.run("ansible-inventory", "-i", str(large), "--list")

        found = alternate(
            bench.samples,
            {
                "large": lambda: caller.dispatch_warm(*to_large).saying("hi"),
                "small": lambda: caller.dispatch_warm(*to_small).saying("hi"),
                "list": list_all,
            },
        )
    times = {key: milliseconds(runs) for key, runs in found.items()}
    more = tuple(a - b for a, b in zip(times["large"], times["small"], strict=True))
    beside = "ansible-inventory --list"
    note = f"what a call takes more than the same call with one host{caller.remark}"
    goal, theirs = 0.1, times["list"]
    yield Row(
        key="inventory",
        work="finding one of 10,000 hosts, warm",
        beside=beside,
        goal=goal,
        ours=more,
        theirs=theirs,
        note=note,
    )
    yield Row(
        key="inventory",
        work="the whole call, with 10,000 hosts",
        beside="the same with one host",
        ours=times["large"],
        theirs=times["small"],
    )
