"""What the tests of the lab have in common: a real `ssh`, and a look at what a lab leaves."""

import os
import subprocess
import time
from pathlib import Path
from typing import Self

import pytest

from tests.lab import Vm, processes

REPOSITORY = Path(__file__).parents[3]

PATIENCE = 2
"""For how many seconds the client waits for a server to greet it."""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def ssh_command(vm: Vm, command: str, *, host: str = "", port: int = 0) -> list[str]:
    """Return how the client has `command` run by `vm`, which may go by another address."""
    config = str(vm.host.client.config)
    options = ("-oBatchMode=yes", "-oStrictHostKeyChecking=yes", f"-oConnectTimeout={PATIENCE}")
    target = f"{vm.user}@{host or vm.address}"
    return ["ssh", "-F", config, "-p", str(port or vm.port), *options, target, command]


def ssh(
    vm: Vm, command: str = "true", *, host: str = "", port: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run the client to its end."""
    return subprocess.run(
        ssh_command(vm, command, host=host, port=port),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


class Session:
    """An `ssh` that echoes lines."""

    def __init__(self, vm: Vm) -> None:
        """Start the client."""
        self.client = subprocess.Popen(
            ssh_command(vm, "echo ready; cat"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.client.stdout
        os.set_blocking(self.client.stdout.fileno(), False)

    def __enter__(self) -> Self:
        """Wait for the other end."""
        assert self.hear(5) == b"ready\n"
        return self

    def __exit__(self, *_: object) -> None:
        """Kill the client."""
        self.client.kill()
        self.client.communicate()

    def say(self, line: bytes) -> None:
        """Send a line."""
        assert self.client.stdin
        self.client.stdin.write(line)
        self.client.stdin.flush()

    def hear(self, patience: float) -> bytes:
        """Return what comes back within `patience` seconds."""
        assert self.client.stdout
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if heard := self.client.stdout.read():
                return heard
            time.sleep(0.01)
        return b""

    def await_end(self) -> tuple[int, str]:
        """Return the client's exit status and its complaint."""
        assert self.client.stderr
        return self.client.wait(timeout=10), self.client.stderr.read().decode()


def leftovers(root: Path, users: list[str]) -> list[str]:
    """Return what is still there of a lab that is down."""
    prefix = users[0].partition("-")[0]
    places = [Path("/sys/class/net"), Path("/run/netns")]
    names = [entry.name for place in places if place.exists() for entry in place.iterdir()]
    found = [name for name in names if name.startswith(prefix)]
    if os.geteuid() == 0:
        found += [user for user in users if user in Path("/etc/passwd").read_text()]
    found += map(str, processes.running(f"{root}/") | processes.marked(f"DXLAB={root}"))
    return found + [str(root)] * root.exists()
