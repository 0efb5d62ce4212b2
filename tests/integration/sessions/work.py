"""Tasks for the agent that is a shell, and what can be seen of their turns on the VM itself."""

from __future__ import annotations

import os
import pwd
import secrets
import signal
import subprocess
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from tests.integration.dispatcher import marked_processes
from tests.integration.vm_processes import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.dispatcher import Answer, Dispatcher
    from tests.lab import Vm

__all__ = [
    "IDENTITY",
    "Work",
    "await_end",
    "begin",
    "forget_sessions",
    "on_vm",
    "processes_of",
    "read_words",
    "session_of",
    "state_of",
    "turn_directory",
]

IDENTITY = "-c user.name=A -c user.email=a@example.org"
"""For git, in front of a commit."""


class Work:
    """A task that notes the id of its turn in a file, then waits until it may end."""

    def __init__(self, *vms: Vm) -> None:
        self.vms = vms
        self.name = f"work-{secrets.token_hex(6)}"

    @property
    def task(self) -> str:
        """It says "begun" and "ended"."""
        return (
            f'echo "$DX_SESSION" >>"$HOME/{self.name}"; echo begun;'
            f' while [ ! -e "$HOME/{self.name}.end" ]; do sleep 0.1; done; echo ended'
        )

    @property
    def turns(self) -> list[str]:
        """The ids of the turns that have begun with it, as often as each has."""
        return [line for vm in self.vms for line in _text(vm.home / self.name).splitlines()]

    def runs(self, turns: int = 1) -> None:
        """Wait until so many turns have begun with it."""
        wait_until(lambda: len(self.turns) >= turns, 60, "the task runs")

    def end(self) -> None:
        """Let it end."""
        for vm in self.vms:
            (vm.home / f"{self.name}.end").touch()


def begin(user: Dispatcher, task: str, *more: str, host: str = "epyc6") -> str:
    """Start a session without waiting for its end, and return its id."""
    return session_of(user.run(host, task, *more))


def session_of(answer: Answer) -> str:
    """The id that a start has printed, which has to be all that it prints."""
    assert answer.code == 0, answer.err
    (line,) = answer.out.decode().splitlines()
    return line


def turn_directory(vm: Vm, session: str, turn: int = 1) -> Path:
    """Where the VM keeps a turn."""
    return vm.home / ".local/state/dxansible/sessions" / f"{session}.{turn}"


def await_end(vm: Vm, session: str, turn: int = 1) -> None:
    """Wait until the VM knows how a turn has ended."""
    wait_until((turn_directory(vm, session, turn) / "end").exists, 60, "the turn has ended")


def state_of(user: Dispatcher, session: str) -> str:
    """One word, as ``--sessions`` has it."""
    answer = user.run("--sessions", "--json")
    states = {each["session_id"]: each["state"] for each in answer.document["sessions"]}
    assert session in states, (answer.document, answer.err)
    return str(states[session])


def processes_of(session: str, turn: int = 1) -> list[int]:
    """Pids of everything that a turn has started, wherever it may have gone."""
    return marked_processes(f"DX_SESSION={session}.{turn}")


def read_words(stream: IO[bytes], words: bytes) -> None:
    """See that these words come next, in however many pieces; the stream has no buffer."""
    seen = b""
    while len(seen) < len(words):
        piece = stream.read(len(words) - len(seen))
        assert piece, f"it ended after {seen!r}"
        seen += piece
    assert seen == words


def on_vm(vm: Vm, script: str) -> str:
    """Run a script as the VM's user without any connection, and return what it prints."""
    entry = pwd.getpwnam(vm.user)
    done = subprocess.run(
        ["sh", "-ec", script],
        user=entry.pw_uid,
        group=entry.pw_gid,
        extra_groups=[],
        env={"HOME": str(vm.home), "PATH": os.environ["PATH"]},
        cwd=vm.home,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def forget_sessions(vm: Vm) -> None:
    """End all sessions of a VM at once, and leave nothing of them."""
    sessions = vm.home / ".local/state/dxansible/sessions"
    for supervisor in sessions.glob("*/supervisor"):
        with suppress(ValueError, ProcessLookupError):
            if not (supervisor.parent / "end").exists():
                os.kill(int(_text(supervisor).split()[0]), signal.SIGKILL)
    for pid in marked_processes(f"HOME={vm.home}"):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    on_vm(vm, "rm -rf .local/state/dxansible/sessions .local/state/dxansible/worktrees")


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""
