"""What one host costs the controller, where the connection costs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.bench import cpu
from benchmarks.free import WARM_UP, free_caller, plain_play, raw_play
from benchmarks.row import Row
from benchmarks.timing import alternate
from benchmarks.usage import watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.bench import Bench
    from benchmarks.caller import Caller
    from benchmarks.timing import Run

__all__ = ["measure"]

_HOSTS, _MANY, _FEW = 2000, 10_000, 500
_MEGABYTE = 10**6
_MOST_SAMPLES = 3
"""They take minutes, and processor time varies little."""
_CALL = ("all", "--exec", "echo hi", "-q")


def measure(bench: Bench) -> Iterator[Row]:
    """Yield rows for the processor, then for memory."""
    with free_caller(bench.fleet, _HOSTS) as caller, free_caller(bench.fleet, _HOSTS) as other:
        caller.warm(*WARM_UP)
        programs: dict[str, Callable[[], Run]] = {
            "ours": lambda: _ours(caller, _HOSTS),
            "play": lambda: other.run(*plain_play(other)).saying("ok:"),
            "raw": lambda: other.run(*raw_play(other)).saying("ok:", _HOSTS),
        }
        found = alternate(min(bench.samples, _MOST_SAMPLES), programs, warm_up=False)
    each = {name: tuple(value / _HOSTS for value in cpu(runs)) for name, runs in found.items()}
    for name, beside, goal in (
        ("raw", "ansible-playbook with one raw task", 0.2),
        ("play", "ansible-playbook with the same play", None),
    ):
        yield Row(
            key="controller",
            work="processor a host, 2,000 hosts on a free transport, warm",
            beside=beside,
            goal=goal,
            ours=each["ours"],
            theirs=each[name],
            note="at most 3 samples; all processes, 200 forks; ours has ansible-runner too",
        )
    yield from _growth(bench)


def _ours(caller: Caller, hosts: int) -> Run:
    return caller.dispatch_warm(*_CALL, residents=True).saying("hi", hosts)


def _growth(bench: Bench) -> Iterator[Row]:
    """What a host costs where there are many."""
    samples = min(bench.samples, _MOST_SAMPLES)
    found: dict[int, tuple[float, ...]] = {}
    memory = 0
    for hosts in (_FEW, _MANY):
        with free_caller(bench.fleet, hosts) as caller:
            caller.warm(*WARM_UP)
            runs = [_ours(caller, hosts) for _ in range(samples)]
            found[hosts] = tuple(value / hosts for value in cpu(runs))
            with watch(caller.home) as peak:
                _ours(caller, hosts)
            memory = peak.bytes
    yield Row(
        key="controller",
        work="processor a host, 10,000 hosts on a free transport, warm",
        beside="the same with 500",
        goal=1.2,
        ours=found[_MANY],
        theirs=found[_FEW],
    )
    yield Row(
        key="controller",
        work="peak memory a host, 10,000 hosts",
        goal=0.1,
        unit="MB",
        ours=(memory / _MANY / _MEGABYTE,),
        note="PSS of all processes over the number of hosts; one sample",
    )
