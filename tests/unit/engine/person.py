"""Somebody who calls dx-dispatch and ansible-playbook, with an engine or without."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dxansible.engine.door import open_door
from tests.unit.local_vm import write_inventory
from tests.unit.waiting import runs, wait_until

__all__ = ["Answer", "Person"]

ROOT = Path(__file__).parents[3]
PLAYBOOK = Path(sys.executable).parent / "ansible-playbook"
_OURS = ("ANSIBLE_", "DX_", "SSH_", "XDG_", "SLACK_", "COLUMNS", "PYTHON")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call left behind."""

    code: int
    out: str
    err: str


class Person:
    """Has a home, an inventory of this machine, and engines of their own. Close it at the end."""

    def __init__(self, root: Path = ROOT) -> None:
        """Use the package in ``root``."""
        self.home = Path(tempfile.mkdtemp(prefix="dxe-", dir="/tmp"))
        self.run_directory = self.home / "run"
        self.run_directory.mkdir()
        write_inventory(self.home / "inventory.yml")
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(_OURS)},
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(self.run_directory),
            "DX_INVENTORY": str(self.home / "inventory.yml"),
            "DX_ENGINE_IDLE": "600",
            "DX_ENGINE_PATIENCE": "20",
            "PYTHONPATH": str(root),
        }
        (self.home / "slow").mkdir()
        door = open_door(self.home, str(PLAYBOOK))
        assert door is not None
        self.door = Path(door)

    @property
    def engines(self) -> Path:
        """The directory for their sockets."""
        return self.run_directory / f"dx-engine-{os.geteuid()}"

    def pids(self) -> list[int]:
        """Of the engines that are ready."""
        texts = [lock.read_text().split() for lock in self.engines.glob("*.lock")]
        return [int(text[0]) for text in texts if text]

    def dispatch(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:  # noqa: ANN401 - Popen's own
        """Start dx-dispatch."""
        return self._start([sys.executable, "-m", "dxansible", *arguments], **options)

    def playbook(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:  # noqa: ANN401 - Popen's own
        """Start ansible-playbook as a run of ansible-runner does; without an engine, itself."""
        (self.door / "reason").unlink(missing_ok=True)
        client = self.door / "ansible-playbook"
        slow = options.get("env", {}).get("DX_ENGINE") == "off"
        environment = {"ANSIBLE_NOCOLOR": "True", **options.pop("env", {})}
        environment["PATH"] = f"{self.door}:{os.environ['PATH']}"
        program = PLAYBOOK if slow else client
        return self._start([str(program), *arguments], env=environment, **options)

    def program(self, text: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a program in Python of their own."""
        return self._start([sys.executable, "-c", text, *arguments])

    def _start(self, command: list[str], **options: Any) -> subprocess.Popen[str]:  # noqa: ANN401 - Popen's own
        environment = {**self.environment, **options.pop("env", {})}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        options = {"cwd": self.home, "text": True, "start_new_session": True, **pipes, **options}
        return subprocess.Popen(command, env=environment, **options)

    def warm(self) -> None:
        """Have engines ready for dx-dispatch, and for the playbooks of its runs."""
        answer(self.dispatch("nobody", "--exec", "true"))
        wait_until(lambda: len(list(self.engines.glob("*.sock"))) == 2)

    def warm_playbooks(self) -> None:
        """Have one more, for `playbook`."""
        before = len(list(self.engines.glob("*.sock")))
        answer(self.playbook("--version"))
        wait_until(lambda: len(list(self.engines.glob("*.sock"))) == before + 1)

    def reason(self, given: Answer) -> str:
        """Why that call, with -v if it was of dx-dispatch, went without an engine."""
        noted = self.door / "reason"
        why = [line for line in given.err.splitlines() if line.startswith("engine_unused")]
        return "".join(why) or (noted.read_text() if noted.exists() else "")

    def close(self) -> None:
        """End the engines, and leave nothing."""
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            wait_until(lambda pid=pid: not runs(pid))  # type: ignore[misc]
        shutil.rmtree(self.home)


def answer(process: subprocess.Popen[str], stdin: str = "") -> Answer:
    """Let a call come to its end."""
    with process:
        out, err = process.communicate(stdin, timeout=60)
    return Answer(process.returncode, out, err)
