"""The other programs, each as its users would call it, on the same hosts with the same key."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.fleet import Fleet

__all__ = ["ansible_raw", "clush", "fabric", "loop", "pyinfra", "ssh", "xargs"]

_LOOPS = Path(__file__).with_name("loops.py")


def ssh(fleet: Fleet, host: str, command: str) -> list[str]:
    """Plain ssh: the configuration has no ControlMaster."""
    return ["ssh", "-F", str(fleet.ssh_config), host, command]


def xargs(fleet: Fleet, hosts: Sequence[str], command: str) -> list[str]:
    """Plain ssh, all hosts at a time."""
    text = 'printf "%s\\n" "$@" | xargs -P "$#" -I{} ssh -F "$config" {} "$command"'
    given = f"config={fleet.ssh_config}; command='{command}'; {text}"
    return ["sh", "-c", given, "xargs", *hosts]


def clush(fleet: Fleet, hosts: Sequence[str], command: str) -> list[str]:
    """ClusterShell, all hosts at a time."""
    options = ["-S", "-f", str(len(hosts)), "-o", f"-F {fleet.ssh_config}"]
    return ["clush", *options, "-w", ",".join(hosts), command]


def ansible_raw(inventory: Path, pattern: str, command: str, forks: int = 1) -> list[str]:
    """Ansible's shortest way: no module is sent."""
    options = ["-i", str(inventory), "-f", str(forks)]
    return ["ansible", pattern, *options, "-m", "raw", "-a", command]


def pyinfra(fleet: Fleet, host: str, command: str) -> list[str]:
    """Pyinfra, which uses paramiko."""
    inventory = fleet.root / "pyinfra_hosts.py"
    inventory.write_text(f"hosts = [({host!r}, {{'ssh_config_file': '{fleet.ssh_config}'}})]\n")
    return ["pyinfra", "-y", str(inventory), "exec", "--", command]


def fabric(fleet: Fleet, host: str) -> list[str]:
    """A fresh process that runs ``echo hi`` with Fabric."""
    return loop(fleet, "fabric", host, 1)


def loop(fleet: Fleet, kind: str, host: str, calls: int) -> list[str]:
    """A process that calls a library so many times; see `benchmarks.loops`."""
    return [sys.executable, "-P", str(_LOOPS), kind, host, str(calls), str(fleet.ssh_config)]
