"""Machines that seem to have started at another time: programs in a time namespace of their own."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import time

__all__ = ["can_choose", "up_for"]


def up_for(seconds: int) -> tuple[str, ...]:
    """Return the words before a program for which the machine started ``seconds`` ago.

    The kernel tells its uptime accordingly. Only clocks that count from the start are others.
    """
    offset = seconds - int(time.clock_gettime(time.CLOCK_BOOTTIME))
    program = shutil.which("unshare") or "unshare"
    own_user = () if os.geteuid() == 0 else ("--user", "--map-current-user")
    return (program, *own_user, "--time", f"--boottime={offset}")


@functools.cache
def can_choose() -> bool:
    """Whether this user may have a time namespace."""
    try:
        words = [*up_for(1000), "cat", "/proc/uptime"]
        told = subprocess.run(words, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return False
    return told.startswith(("1000.", "1001.", "1002.", "1003."))
