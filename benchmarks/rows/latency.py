"""From a line printed on the VM to the line on our output."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from benchmarks.row import Row
from benchmarks.timing import BenchError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.bench import Bench
    from benchmarks.caller import Caller

__all__ = ["measure"]

_LINES = 200
_TALKER = f"""
import random, time
for _ in range({_LINES}):
    time.sleep(random.uniform(0.02, 0.3))
    print(time.time(), flush=True)
"""
"""Says what time it is; the VM has our clock."""
_GOALS = {50: 300.0, 99: 1000.0}


def measure(bench: Bench) -> Iterator[Row]:
    """Yield median and 99th percentile, with one host and with ten."""
    for hosts in (1, 10):
        bench.fleet.names(hosts)
        with bench.caller(hosts) as caller:
            caller.warm("all", "--exec", "true")
            samples = _listen(caller)
        if len(samples) != _LINES * hosts:
            raise BenchError(f"{len(samples)} lines of {_LINES * hosts} came")
        for percent, goal in _GOALS.items():
            yield Row(
                key="latency",
                work=f"a line on the VM to the line here, {hosts} host{'s' * (hosts > 1)}",
                goal=goal,
                ours=samples,
                percent=percent,
                note=f"{'median' if percent == 50 else 'p99'} of {len(samples)} lines, into a pipe",  # noqa: PLR2004
            )


def _listen(caller: Caller) -> tuple[float, ...]:
    command = f"{shlex.quote(sys.executable)} -c {shlex.quote(_TALKER)}"
    found: list[float] = []
    with subprocess.Popen(
        ["dx-dispatch", "all", "--exec", command, "--timeout", "300", "-q"],
        env=caller.environment,
        cwd=caller.home,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    ) as process:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        try:
            found.extend(1000 * (time.time() - float(line.split()[-1])) for line in process.stdout)
        except BaseException:
            process.kill()
            raise
    return tuple(found)
