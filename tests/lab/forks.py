"""Counts the processes that a program makes, in a pid namespace where nobody else makes any.

    forks.py PROGRAM ARGUMENT…

As the namespace's first process it runs the program, reaps until nothing is left, and writes at
the end of the output how many processes came after the program's own. The kernel counts: pids grow
one by one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["can_count", "count"]

_NAMESPACE = ("unshare", "--pid", "--fork", "--mount-proc")


def can_count() -> bool:
    """Whether this user may have a pid namespace."""
    try:
        return (
            subprocess.run([*_NAMESPACE, "true"], capture_output=True, check=False).returncode == 0
        )
    except FileNotFoundError:
        return False


def count(
    command: Sequence[str], payload: bytes, environment: Mapping[str, str]
) -> tuple[int, bytes]:
    """Run a program that reads ``payload`` until all has ended.

    Returns how many processes it has made, and what it has printed.
    """
    counter = [*_NAMESPACE, sys.executable, "-I", "-S", __file__, *command]
    done = subprocess.run(
        counter, input=payload, stdout=subprocess.PIPE, env=environment, check=True, timeout=60
    )
    out, _, number = done.stdout.rpartition(b"\n")
    return int(number), out


def _newest() -> int:
    return int(Path("/proc/loadavg").read_text(encoding="ascii").split()[-1])


def _main(program: list[str]) -> None:
    child = os.posix_spawnp(program[0], program, os.environ)
    try:
        while True:
            os.wait()
    except ChildProcessError:
        os.write(1, f"\n{_newest() - child}".encode())


if __name__ == "__main__":
    _main(sys.argv[1:])
