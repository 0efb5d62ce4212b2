"""The first call ever: nothing is resident, no connection lives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import peers
from benchmarks.bench import milliseconds
from benchmarks.row import Row
from benchmarks.timing import alternate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.bench import Bench
    from benchmarks.timing import Run

__all__ = ["measure"]

_COMMAND = "echo hi"
_BESIDE = "ansible h1 -m raw -a 'echo hi'"


def measure(bench: Bench) -> Iterator[Row]:
    """Yield the row with the goal, and one for a caller who wants no engine."""
    (host,) = bench.fleet.names(1)
    raw = peers.ansible_raw(bench.fleet.inventory(1), host, _COMMAND)

    def ours(*, engine: bool) -> Run:
        with bench.caller(1, engine=engine) as caller:
            return caller.dispatch(host, "--exec", _COMMAND).saying("hi")

    def theirs() -> Run:
        with bench.caller(1) as caller:
            return caller.run(*raw).saying("hi")

    found = alternate(
        bench.samples,
        {
            "on": lambda: ours(engine=True),
            "beside": theirs,
            "off": lambda: ours(engine=False),
        },
    )
    for switch, note in (
        ("on", "waits for its playbook engine to load; the VM has our script"),
        ("off", "without engines at all"),
    ):
        yield Row(
            key="cold",
            work=f"the same, first call ever, DX_ENGINE={switch}",
            beside=_BESIDE,
            goal=1.1 if switch == "on" else None,
            ours=milliseconds(found[switch]),
            theirs=milliseconds(found["beside"]),
            note=note,
        )
