"""How wall time and the processor's time grow with the hosts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from benchmarks import peers
from benchmarks.free import FORKS, free_caller, plain_play, raw_play
from benchmarks.timing import BenchError, alternate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from benchmarks.bench import Bench
    from benchmarks.caller import Caller
    from benchmarks.timing import Run

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
            yield from _measure(bench, "sshd", hosts, caller, _real(bench, hosts, other))
    for hosts in _FREE_FULL if bench.full else _FREE:
        with free_caller(bench.fleet, hosts) as caller, free_caller(bench.fleet, hosts) as other:
            yield from _measure(bench, "free", hosts, caller, _free(hosts, other))


def _measure(
    bench: Bench,
    transport: str,
    hosts: int,
    caller: Caller,
    programs: dict[str, Callable[[], Run]],
) -> Iterator[Point]:
    """Yield a point for each program; a call that fails must not end the whole measurement."""
    try:
        yield from _measure_all(bench, transport, hosts, caller, programs)
    except BenchError as error:
        yield Point(
            transport=transport, program=_OURS, hosts=hosts, wall=(), cpu=(), problem=str(error)
        )


def _measure_all(
    bench: Bench,
    transport: str,
    hosts: int,
    caller: Caller,
    programs: dict[str, Callable[[], Run]],
) -> Iterator[Point]:
    caller.dispatch(*_CALL, "--forks", _FIRST_FORKS)
    caller.warm(*_CALL)

    def ours() -> Run:
        return caller.dispatch_warm(*_CALL, residents=True).saying("hi", hosts)

    programs[_OURS] = ours
    samples = 1 if hosts > _LARGE else min(bench.samples, _MOST_SAMPLES)
    found = alternate(samples, programs, warm_up=hosts <= _LARGE)
    for program, runs in found.items():
        yield Point(
            transport=transport,
            program=program,
            hosts=hosts,
            wall=tuple(each.seconds for each in runs),
            cpu=tuple(each.cpu for each in runs),
        )


def _real(bench: Bench, hosts: int, other: Caller) -> dict[str, Callable[[], Run]]:
    fleet, names = bench.fleet, bench.fleet.names(hosts)
    raw = peers.ansible_raw(fleet.inventory(hosts), "all", _COMMAND, forks=min(hosts, FORKS))
    return {
        "clush": other.saying("hi", hosts, *peers.clush(fleet, names, _COMMAND)),
        "xargs ssh": other.saying("hi", hosts, *peers.xargs(fleet, names, _COMMAND)),
        "ansible -m raw": other.saying("hi", hosts, *raw),
    }


def _free(hosts: int, other: Caller) -> dict[str, Callable[[], Run]]:
    return {
        "ansible-playbook, the same play": other.saying("changed:", hosts, *plain_play(other)),
        "ansible-playbook, one raw task": other.saying("ok:", hosts, *raw_play(other)),
    }
