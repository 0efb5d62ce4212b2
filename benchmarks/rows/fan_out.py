"""A short command on 50 hosts, and on 200."""

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
_HOSTS, _MANY = 50, 200
_NEW = "the same with engines, but new connections"
_CLUSH, _XARGS, _ANSIBLE = "clush -f 50", "xargs -P50 ssh", "ansible -m raw -f 50"
_FIRST_FORKS = "10"
"""Of the call that meets the hosts for the first time, which is not measured."""


def measure(bench: Bench) -> Iterator[Row]:
    """Yield the rows with the goals, and those for information."""
    yield from _hosts(bench, _HOSTS, {_CLUSH: 0.8, _XARGS: None, _ANSIBLE: None})
    yield from _hosts(bench, _MANY, {_CLUSH: None, _XARGS: 0.7, _ANSIBLE: None})


def _hosts(bench: Bench, count: int, goals: dict[str, float | None]) -> Iterator[Row]:
    fleet, names = bench.fleet, bench.fleet.names(count)
    raw = peers.ansible_raw(fleet.inventory(count), "all", _COMMAND, forks=_HOSTS)
    beside = {
        _CLUSH: peers.clush(fleet, names, _COMMAND),
        _XARGS: peers.xargs(fleet, names, _COMMAND),
        _ANSIBLE: raw,
    }
    call = ("all", "--exec", _COMMAND)
    warm = f"--exec 'echo hi' on {count} hosts, warm"
    with bench.caller(count) as caller, bench.caller(count) as other, bench.caller(count) as new:
        for each in (caller, new):
            each.dispatch(*call, "--forks", _FIRST_FORKS)
            each.warm(*call)

        def without_connections() -> Run:
            new.drop_connections()
            return new.dispatch(*call).saying("hi", count)

        programs = {name: other.saying("hi", count, *each) for name, each in beside.items()}
        programs[warm] = lambda: caller.dispatch_warm(*call).saying("hi", count)
        if count == _HOSTS:
            programs[_NEW] = without_connections
        runs = alternate(bench.samples, programs)
    found = {name: milliseconds(each) for name, each in runs.items()}
    note = f"our connections live (ControlPersist), as do ansible's{caller.remark}"
    for name, goal in goals.items():
        yield Row(key="fan-out", work=warm, beside=name, goal=goal, ours=found[warm],
                  theirs=found[name], note=note)  # fmt: skip
    if _NEW in found:
        for name, goal in {_CLUSH: 1.2, _XARGS: None, _ANSIBLE: None}.items():
            yield Row(key="fan-out", work=_NEW, beside=name, goal=goal, ours=found[_NEW],
                      theirs=found[name], note="no connection lives on either side")  # fmt: skip
