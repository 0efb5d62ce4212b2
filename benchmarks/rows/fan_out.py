"""A short command on 50 hosts."""

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

_HOSTS = 50
_COMMAND = "echo hi"
_WARM = "--exec 'echo hi' on 50 hosts, warm"
_NEW = "the same with engines, but new connections"
_GOALS = {"clush -f 50": 1.0, "xargs -P50 ssh": 1.0, "ansible -m raw -f 50": None}


def measure(bench: Bench) -> Iterator[Row]:
    """Yield the rows with the goals, and what they would be with new connections."""
    fleet = bench.fleet
    names = fleet.names(_HOSTS)
    beside = {
        "clush -f 50": peers.clush(fleet, names, _COMMAND),
        "xargs -P50 ssh": peers.xargs(fleet, names, _COMMAND),
        "ansible -m raw -f 50": peers.ansible_raw(
            fleet.inventory(_HOSTS), "all", _COMMAND, forks=_HOSTS
        ),
    }
    with bench.caller(_HOSTS) as caller, bench.caller(_HOSTS) as other, bench.caller(_HOSTS) as new:
        for each in (caller, new):
            each.warm("all", "--exec", _COMMAND)

        def without_connections() -> Run:
            new.drop_connections()
            return new.dispatch("all", "--exec", _COMMAND).saying("hi", _HOSTS)

        programs = {name: other.saying("hi", _HOSTS, *each) for name, each in beside.items()}
        programs[_WARM] = lambda: caller.dispatch_warm("all", "--exec", _COMMAND).saying(
            "hi", _HOSTS
        )
        programs[_NEW] = without_connections
        runs = alternate(bench.samples, programs)
    found = {name: milliseconds(each) for name, each in runs.items()}
    for work, note in (
        (_WARM, f"our connections live (ControlPersist), as do ansible's{caller.remark}"),
        (_NEW, "no connection lives on either side"),
    ):
        for name, goal in _GOALS.items():
            yield Row(
                key="fan-out",
                work=work,
                beside=name,
                goal=goal if work == _WARM else None,
                ours=found[work],
                theirs=found[name],
                note=note,
            )
