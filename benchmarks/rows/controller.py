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

_HOSTS = 2000
_MEGABYTE = 10**6
_MOST_SAMPLES = 3
"""They take minutes, and processor time varies little."""
_CALL = ("all", "--exec", "echo hi", "-q")


def measure(bench: Bench) -> Iterator[Row]:
    """Yield rows for the processor, then for memory."""
    with free_caller(bench.fleet, _HOSTS) as caller, free_caller(bench.fleet, _HOSTS) as other:
        caller.warm(*WARM_UP)
        programs: dict[str, Callable[[], Run]] = {
            "ours": lambda: caller.dispatch_warm(*_CALL, residents=True).saying("hi", _HOSTS),
            "play": lambda: other.run(*plain_play(other)).saying("ok:", 1),
            "raw": lambda: other.run(*raw_play(other)).saying("ok:", _HOSTS),
        }
        found = alternate(min(bench.samples, _MOST_SAMPLES), programs, warm_up=False)
        yield from _processor({name: cpu(runs) for name, runs in found.items()})
        yield from _memory(_peak(caller, programs["ours"]), _peak(other, programs["play"]))


def _processor(times: dict[str, tuple[float, ...]]) -> Iterator[Row]:
    each = {name: tuple(value / _HOSTS for value in values) for name, values in times.items()}
    for name, beside, goal in (
        ("play", "ansible-playbook with the same play", 0.7),
        ("raw", "ansible-playbook with one raw task", None),
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


def _memory(ours: float, theirs: float) -> Iterator[Row]:
    work, note = (
        "peak memory a host, 2,000 hosts",
        "PSS of all processes over the number of hosts; one sample",
    )
    yield Row(key="controller", work=work, goal=1.0, unit="MB", ours=(ours,), note=note)
    beside = "ansible-playbook with the same play"
    yield Row(key="controller", work=work, beside=beside, unit="MB", ours=(ours,), theirs=(theirs,))


def _peak(caller: Caller, call: Callable[[], Run]) -> float:
    with watch(caller.home) as peak:
        call()
    return peak.bytes / _HOSTS / _MEGABYTE
