"""What the numbers were measured on."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

__all__ = ["describe"]

_PACKAGES = ("ansible-core", "ansible-runner", "ClusterShell", "fabric", "paramiko", "pyinfra")


def describe() -> dict[str, str]:
    """The machine, and the versions of everything that was timed."""
    openssh = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=False).stderr
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "cpu": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "openssh": openssh.partition(",")[0].strip(),
        "load before": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        **{name: version(name) for name in _PACKAGES},
    }


def _processor() -> str:
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.machine()
