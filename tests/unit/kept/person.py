"""Somebody who calls dx-dispatch, with an engine or without."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab import processes
from tests.schemas import check_printed
from tests.unit.local_vm import write_inventory
from tests.unit.waiting import runs, wait_until

__all__ = ["ROOT", "Answer", "Person", "answer", "settle"]

ROOT = Path(__file__).parents[3]
_OURS = ("ANSIBLE_", "DX_", "SSH_", "XDG_", "SLACK_", "COLUMNS", "LINES", "PYTHONPATH")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call left behind."""

    code: int
    out: str
    err: str

    @property
    def reason(self) -> str:
        """Why it went without an engine, if it did and had -v."""
        return "".join(line for line in self.err.splitlines() if line.startswith("engine_unused"))


class Person:
    """Has a home, an inventory of this machine, and engines of their own. Close it at the end."""

    def __init__(self, root: Path = ROOT) -> None:
        """Use the package in ``root``."""
        self.home = Path(tempfile.mkdtemp(prefix="dxe-"))
        self.run_directory = self.home / "run"
        self.run_directory.mkdir(mode=0o700)
        self.inventory = write_inventory(self.home / "inventory.yml")
        settle(self.inventory)
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(_OURS)},
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(self.run_directory),
            "DX_INVENTORY": str(self.inventory),
            "DX_ENGINE_IDLE": "600",
            "DX_ENGINE_PATIENCE": "60",
            "PYTHONPATH": str(root),
        }

    @property
    def engines(self) -> Path:
        """The directory for their sockets."""
        return self.run_directory / f"dx-engine-{os.geteuid()}"

    def pids(self) -> list[int]:
        """Of the engines that take calls, or will."""
        found = []
        for lock in self.engines.glob("*.lock"):
            with suppress(FileNotFoundError):  # that engine has just left
                found += lock.read_text().split()[:1]
        return list(map(int, found))

    def family(self) -> list[int]:
        """The only engine, its ansible-playbook, and its worker."""
        (found,) = self.pids()
        return [found, *self.playbooks()]

    def playbooks(self, name: str = "serve.yml") -> list[int]:
        """The ansible-playbook of engines, or of another playbook, and then their workers."""
        found = []
        for pid in processes.pids():
            line = processes.read(pid, "cmdline")
            if f"/{name}".encode() in line and f"{self.run_directory}/dx-".encode() in line:
                found.append(pid)
        return sorted(found, key=lambda pid: [_parent(pid) in found, pid])

    def dispatch(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:  # noqa: ANN401 - Popen's own
        """Start dx-dispatch."""
        return self.start([sys.executable, "-m", "dxansible", *arguments], **options)

    def run(self, *arguments: str, **options: Any) -> Answer:  # noqa: ANN401 - Popen's own
        """Run dx-dispatch to its end."""
        found = answer(self.dispatch(*arguments, **options))
        check_printed(arguments, found.out)
        return found

    def say(self, **options: Any) -> Answer:  # noqa: ANN401 - Popen's own
        """Run a command that says hi, with -v."""
        return self.run("here", "--exec", "echo hi", "-v", **options)

    def program(self, text: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a program in Python of their own."""
        return self.start([sys.executable, "-c", text, *arguments])

    def start(self, command: list[str], **options: Any) -> subprocess.Popen[str]:  # noqa: ANN401 - Popen's own
        """Start a program."""
        environment = {**self.environment, **options.pop("env", {})}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        options = {"cwd": self.home, "text": True, "start_new_session": True, **pipes, **options}
        return subprocess.Popen(command, env=environment, **options)

    def warm(self) -> None:
        """Have an engine that has found that it can be kept."""
        for _ in range(2):
            said = self.say()
            assert (said.code, said.out, said.reason) == (0, "hi\n", ""), said.err

    def close(self) -> None:
        """End the engines, and leave nothing."""
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
                os.kill(pid, signal.SIGKILL)
            wait_until(lambda pid=pid: not runs(pid))  # type: ignore[misc]
        wait_until(lambda: not self.playbooks())
        wait_until(self._has_nothing)  # what ends after a killed engine removes its own files

    def _has_nothing(self) -> bool:
        shutil.rmtree(self.home, ignore_errors=True)
        return not self.home.exists()


def settle(*paths: Path) -> None:
    """Have files that nobody has edited just now."""
    for path in paths:
        wait_until(lambda path=path: _age(path) > 0.3)  # type: ignore[misc]


def _age(path: Path) -> float:
    return time.time() - max(path.stat().st_mtime, path.stat().st_ctime)


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def answer(process: subprocess.Popen[str], stdin: str = "", *, patience: float = 120) -> Answer:
    """Let a call come to its end, within so many seconds."""
    with process:
        out, err = process.communicate(stdin, timeout=patience)
    return Answer(process.returncode, out, err)
