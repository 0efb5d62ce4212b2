"""``make demo``: the main job, shown on a lab of three machines.

Where there is no sshd, this machine plays the one VM.
"""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab import Lab, LabUnsupported

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATIENCE = 30.0
"""Seconds for ended engines to remove their files."""
_TASK = "echo working; sleep 1; echo done"
"""For the agent that needs no model."""

_ON_LAB = (
    ("the VMs, with live health", ["--list"]),
    ("a command on one VM", ["epyc6", "--exec", "echo hello from $(id -un)"]),
    ("the same on all three, output prefixed", ["all", "--exec", "echo hello from $(id -un)"]),
    ("a command that fails", ["gpu", "--exec", "echo no such luck >&2; exit 3"]),
    ("one that takes too long", ["macmini", "--exec", "sleep 60", "--timeout", "2"]),
    ("a task for an agent, followed live", ["epyc6", _TASK, "--agent", "shell", "--wait"]),
    ("the sessions of all VMs", ["--sessions"]),
)
_ON_ONE = (
    ("the VMs, with live health", ["--list"]),
    ("a command", ["here", "--exec", "echo hello from $(id -un)"]),
    ("a command that fails", ["here", "--exec", "echo no such luck >&2; exit 3"]),
    ("one that takes too long", ["here", "--exec", "sleep 60", "--timeout", "2"]),
    ("a task for an agent, followed live", ["here", _TASK, "--agent", "shell", "--wait"]),
    ("the sessions of all VMs", ["--sessions"]),
)


@contextmanager
def _stage() -> Iterator[tuple[dict[str, str], tuple[tuple[str, list[str]], ...]]]:
    try:
        lab = Lab.create()
    except LabUnsupported as reason:
        _say(f"No lab ({reason}), so this machine plays the one VM.")
        with tempfile.TemporaryDirectory() as directory:
            inventory = _local_inventory(Path(directory))
            with _engines(directory) as environment:
                yield environment | {"DX_INVENTORY": str(inventory)}, _ON_ONE
        return
    with lab, tempfile.TemporaryDirectory() as directory, _engines(directory) as environment:
        ours = {"DX_INVENTORY": str(lab.inventory), "HOME": str(lab.client_home)}
        yield environment | ours, _ON_LAB


@contextmanager
def _engines(directory: str) -> Iterator[dict[str, str]]:
    """Have the engines of the demo in a directory of its own, and end them after it."""
    environment = {"XDG_RUNTIME_DIR": directory}
    try:
        yield environment
    finally:
        _dispatch(["--engine", "stop"], environment, stdout=subprocess.DEVNULL)
        end = time.monotonic() + _PATIENCE
        while _runs(Path(directory)) and time.monotonic() < end:
            time.sleep(0.05)


def _runs(directory: Path) -> list[Path]:
    """What runs have left there; each removes its own when its last process has ended."""
    engines = "dx-engine-"
    return [each for each in directory.iterdir() if each.is_dir() and engines not in each.name]


def _dispatch(arguments: list[str], environment: dict[str, str], stdout: int | None = None) -> int:
    command = [str(Path(sys.executable).parent / "dx-dispatch"), *arguments]
    ours = {**os.environ, **environment}
    return subprocess.run(command, env=ours, stdout=stdout, check=False).returncode


def _local_inventory(directory: Path) -> Path:
    inventory = directory / "hosts.yml"
    inventory.write_text(
        "all:\n  hosts:\n    here:\n      ansible_connection: local\n"
        f"      dx_auth_mode: local\n      dx_hostnames: ['{socket.gethostname()}']\n"
    )
    return inventory


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Run every step; the exit code says whether each ended as it should."""
    expected = {"fails": 1, "too long": 124}
    surprises = 0
    with _stage() as (environment, steps):
        for title, arguments in steps:
            _say(f"\n# {title}\n$ dx-dispatch {shlex.join(arguments)}")
            code = _dispatch(arguments, environment)
            _say(f"exit code {code}")
            wanted = next((number for word, number in expected.items() if word in title), 0)
            surprises += code != wanted
    return 1 if surprises else 0


if __name__ == "__main__":
    sys.exit(main())
