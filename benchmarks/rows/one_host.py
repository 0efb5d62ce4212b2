"""A short command on one host, warm, beside a cold ssh and the other tools."""

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

_COMMAND = "echo hi"
_WORK = "dx-dispatch h1 --exec 'echo hi', warm"


def measure(bench: Bench) -> Iterator[Row]:
    """Yield the row with the goal, and one for each other tool."""
    fleet = bench.fleet
    (host,) = fleet.names(1)
    beside = {
        "ssh h1 echo hi": peers.ssh(fleet, host, _COMMAND),
        "clush": peers.clush(fleet, [host], _COMMAND),
        "Fabric (new process)": peers.fabric(fleet, host),
        "pyinfra": peers.pyinfra(fleet, host, _COMMAND),
        "ansible -m raw": peers.ansible_raw(fleet.inventory(1), host, _COMMAND),
    }
    with bench.caller(1) as caller, bench.caller(1) as other:
        caller.warm(host, "--exec", _COMMAND)
        programs = {name: other.saying("hi", 1, *each) for name, each in beside.items()}
        programs["ours"] = lambda: caller.dispatch_warm(host, "--exec", _COMMAND).saying("hi")
        runs = alternate(bench.samples, programs)
        found = {name: milliseconds(each) for name, each in runs.items()}
        ours = found.pop("ours")
        for name, theirs in found.items():
            yield Row(
                key="warm",
                work=_WORK,
                beside=name,
                goal=1.2 if name.startswith("ssh") else None,
                ours=ours,
                theirs=theirs,
                note=_note(name, caller.remark),
            )


def _note(name: str, remark: str) -> str:
    if name.startswith("ssh"):
        return (
            f"stretch 1; ours has a live connection (ControlPersist), ssh makes a new one{remark}"
        )
    return "ansible keeps its connection too" if name.startswith("ansible") else ""
