"""How wall time and the processor's time grow with the hosts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from benchmarks import peers
from benchmarks.free import FORKS, WARM_UP, free_caller, plain_play, raw_play
from benchmarks.timing import BenchError, Run, alternate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.bench import Bench
    from benchmarks.caller import Caller

__all__ = ["Point", "measure"]

_REAL = (1, 10, 50, 200)
_FREE = (1, 10, 100, 1000, 2000)
_FREE_FULL = (*_FREE, 5000)
_MOST_SAMPLES = 3
_LARGE = 500
"""Hosts; above, a call takes so long that one sample says enough."""
_FIRST_FORKS = "10"
"""Of the call that meets the hosts for the first time, which is not measured."""
_OURS = "dx-dispatch, warm"
_COMMAND = "echo hi"
_CALL = ("all", "--exec", _COMMAND, "-q")

_Programs = dict[str, Callable[[], Run]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One program on so many hosts; times in seconds, of every sample."""

    transport: str
    program: str
    hosts: int
    wall: tuple[float, ...]
    cpu: tuple[float, ...]
    problem: str = ""
    """Why there are no samples."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, known: Mapping[str, Any]) -> Self:
        """Read what `as_dict` wrote."""
        return cls(**{**known, "wall": tuple(known["wall"]), "cpu": tuple(known["cpu"])})


def measure(bench: Bench) -> Iterator[Point]:
    """Yield the points on real hosts, then on hosts that cost nothing."""
    for hosts in _REAL:
        with bench.caller(hosts) as caller, bench.caller(hosts) as other:
            programs = partial(_real, bench, hosts, caller, other)
            yield from _points("sshd", hosts, bench.samples, programs)
    for hosts in _FREE_FULL if bench.full else _FREE:
        with free_caller(bench.fleet, hosts) as caller, free_caller(bench.fleet, hosts) as other:
            yield from _points("free", hosts, bench.samples, partial(_free, hosts, caller, other))


def _points(
    transport: str, hosts: int, samples: int, prepare: Callable[[], _Programs]
) -> Iterator[Point]:
    """Yield a point for each program; a call that fails must not end the whole measurement."""
    try:
        found = alternate(
            1 if hosts > _LARGE else min(samples, _MOST_SAMPLES),
            prepare(),
            warm_up=hosts <= _LARGE,
        )
    except BenchError as error:
        yield Point(
            transport=transport, program=_OURS, hosts=hosts, wall=(), cpu=(), problem=str(error)
        )
        return
    for program, runs in found.items():
        yield Point(
            transport=transport,
            program=program,
            hosts=hosts,
            wall=tuple(each.seconds for each in runs),
            cpu=tuple(each.cpu for each in runs),
        )


def _real(bench: Bench, hosts: int, caller: Caller, other: Caller) -> _Programs:
    caller.dispatch(*_CALL, "--forks", _FIRST_FORKS)
    caller.warm(*_CALL)
    fleet, names = bench.fleet, bench.fleet.names(hosts)
    raw = peers.ansible_raw(fleet.inventory(hosts), "all", _COMMAND, forks=min(hosts, FORKS))
    return {
        "clush": other.saying("hi", hosts, *peers.clush(fleet, names, _COMMAND)),
        "xargs ssh": other.saying("hi", hosts, *peers.xargs(fleet, names, _COMMAND)),
        "ansible -m raw": other.saying("hi", hosts, *raw),
        _OURS: partial(_ours, caller, hosts),
    }


def _free(hosts: int, caller: Caller, other: Caller) -> _Programs:
    caller.warm(*WARM_UP)
    return {
        "ansible-playbook, the same play": other.saying("ok:", 1, *plain_play(other)),
        "ansible-playbook, one raw task": other.saying("ok:", hosts, *raw_play(other)),
        _OURS: partial(_ours, caller, hosts),
    }


def _ours(caller: Caller, hosts: int) -> Run:
    return caller.dispatch_warm(*_CALL, residents=True).saying("hi", hosts)
