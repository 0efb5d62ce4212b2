"""``python -m benchmarks.keeper``: what one call of the keeper costs the VM.

Runs what ssh would run there, in a home directory of its own: as often as its argument says, and
beside a bare ``bash -c``. The time ends with the last process, not with the answer.
"""

from __future__ import annotations

import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper import Keeper

from tests.lab import forks

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["main"]

_SAMPLES = 30
_LIMITS: dict[str, object] = {"deadline": 60, "wait": 1}


@dataclass(slots=True)
class _Here:
    """A connection that runs what it is given as sshd would, and knows what that cost."""

    home: str
    counts: bool = False
    answer: list[float] = field(default_factory=list)
    until_the_end: list[float] = field(default_factory=list)
    processes: list[int] = field(default_factory=list)

    def exec_command(
        self, cmd: str, in_data: bytes | None = None, *, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]:
        """Run it; what it leaves behind keeps a pipe open, so its end is seen."""
        del sudoable
        environment = {"HOME": self.home, "PATH": os.environ["PATH"], "SHELL": "/bin/bash"}
        command = ["bash", "-c", cmd]
        if self.counts:
            made, out = forks.count(command, in_data or b"", environment)
            self.processes.append(made)
            return 0, out, b""
        began = time.perf_counter()
        source, sink = os.pipe()
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            pass_fds=[sink],
        ) as process:
            os.close(sink)
            out, err = process.communicate(in_data)
        self.answer.append(time.perf_counter() - began)
        os.read(source, 1)
        self.until_the_end.append(time.perf_counter() - began)
        os.close(source)
        return process.returncode, out, err


def _start(here: _Here) -> None:
    Keeper(here).start(f"s{secrets.token_hex(6)}", b"echo hi", _LIMITS, about=b"0a {}\n")


def _ping(here: _Here) -> None:
    Keeper(here).ping()


def _bare(here: _Here) -> None:
    here.exec_command("echo hi")


_CALLS: dict[str, Callable[[_Here], None]] = {
    "start of echo hi": _start,
    "ping": _ping,
    "bare bash -c": _bare,
}


def main() -> int:
    """Measure in turn, print a line for each call."""
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else _SAMPLES
    with tempfile.TemporaryDirectory() as home:
        for call in _CALLS.values():
            call(_Here(home))
        timed = {name: _Here(home) for name in _CALLS}
        for _ in range(samples):
            for name, call in _CALLS.items():
                call(timed[name])
        for name, call in _CALLS.items():
            sys.stdout.write(f"{name}: {_forks(home, call)}, {_times(timed[name])}\n")
    return 0


def _forks(home: str, call: Callable[[_Here], None]) -> str:
    if not forks.can_count():
        return "forks unknown (unshare --pid is not allowed)"
    here = _Here(home, counts=True)
    for _ in range(5):
        call(here)
    return f"{min(here.processes)} forks"


def _times(here: _Here) -> str:
    answer, end = (statistics.median(some) * 1000 for some in (here.answer, here.until_the_end))
    return f"answer after {answer:.1f} ms, all ended after {end:.1f} ms (medians)"


if __name__ == "__main__":
    sys.exit(main())
