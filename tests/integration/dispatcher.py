"""A user of dx-dispatch: a home directory of their own, and the command line run in it."""

from __future__ import annotations

import json
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

from tests.known_names import known_names_stay
from tests.lab import processes
from tests.schemas import check_printed
from tests.unit.waiting import wait_until

__all__ = ["OBEY_MODES", "Answer", "Dispatcher", "marked_processes"]

OBEY_MODES = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
"""Put before a command, root has to obey the modes of files like everybody else."""

_DISPATCH = Path(sys.executable).parent / "dx-dispatch"
_ENGINE, _SERVES = b"/dxansible/kept/__main__.py", b"/playbooks/serve.yml"

_START = """
from dxansible.kept.client import _Place
from dxansible.settings import Settings
ours = Settings.load()
_Place(ours.inventory, ours.playbooks, ours.environment).start(str(ours.runtime_dir))
"""


def _interpreter() -> str:
    """The one of dx-dispatch, by the name in its first line: engines compare that."""
    first, _, _ = _DISPATCH.read_text().partition("\n")
    return first.removeprefix("#!") if "python" in first else sys.executable


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call left behind."""

    code: int
    out: bytes
    err: bytes
    seconds: float = 0.0
    """From the start of the process to its end."""

    @property
    def document(self) -> dict[str, Any]:
        """The JSON document on standard output, which has to be exactly one."""
        document: dict[str, Any] = json.loads(self.out)
        return document

    @property
    def result(self) -> dict[str, Any]:
        """The one result of the document."""
        (result,) = self.document["results"]
        return dict(result)


class Dispatcher:
    """Runs dx-dispatch as a new user: no live connection, nothing cached. Close it at the end."""

    def __init__(self, inventory: Path, *, engines: bool | None = None) -> None:
        """Use this inventory unless a call says otherwise; engines as DX_ENGINE says by default."""
        self.home = Path(tempfile.mkdtemp(prefix="dxu-"))
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("SSH_")},
            "HOME": str(self.home),
            "DX_INVENTORY": str(inventory),
            "DXTEST": str(self.home),
            "DX_ENGINE_PATIENCE": "20",  # machines that run tests are busy
        }
        self.environment.pop("XDG_RUNTIME_DIR", None)
        if engines is not None:
            self.environment["DX_ENGINE"] = "on" if engines else "off"
        if self.has_engines:
            (self.home / "runtime").mkdir(mode=0o700)
            self.environment["XDG_RUNTIME_DIR"] = str(self.home / "runtime")
            self.start_engine()
        self._first_environment = dict(self.environment)

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401 - Popen's own
        """Start a call in a process group of its own, output to pipes unless told otherwise.

        ``through`` is a program with arguments that runs the call, like OBEY_MODES.
        """
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        dispatch = str(_DISPATCH)
        command = [*options.pop("through", ()), dispatch, *arguments]
        environment = {**self.environment, **options.pop("env", {})}
        return subprocess.Popen(command, env=environment, start_new_session=True, **options)

    def run(
        self,
        *arguments: str,
        stdin: bytes = b"",
        limit: float = 120,
        **options: Any,  # noqa: ANN401 - Popen's own
    ) -> Answer:
        """Run a call to its end, for up to ``limit`` seconds."""
        began = time.monotonic()
        with self.start(*arguments, stdin=subprocess.PIPE, **options) as process:
            try:
                out, err = process.communicate(stdin, timeout=limit)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        seconds = time.monotonic() - began
        check_printed(arguments, out or b"")
        return Answer(process.returncode, out or b"", err or b"", seconds)

    def use_runtime_directory(self, directory: Path) -> None:
        """Have another one, with engines in it if there were any in the last."""
        if self.has_engines:
            self.run("--engine", "stop")
        self.environment["XDG_RUNTIME_DIR"] = str(directory)
        if self.has_engines:
            self.start_engine()

    @property
    def has_engines(self) -> bool:
        """Whether calls are to go to engines."""
        return self.environment["DX_ENGINE"] != "off"

    def start_engine(self) -> None:
        """Have an engine for the next call; no VM is contacted."""
        engines = Path(self.environment["XDG_RUNTIME_DIR"]) / f"dx-engine-{os.geteuid()}"
        subprocess.run([_interpreter(), "-P", "-c", _START], env=self.environment, check=True)
        wait_until(lambda: bool(list(engines.glob("*.sock"))))

    def drop_connections(self) -> None:
        """End the live SSH connections of this user, so that the next call makes a new one."""
        for pid in marked_processes(f"DXTEST={self.home}"):
            if b"[mux]" in _command_line(pid):
                _end(pid)
        shutil.rmtree(self.home / ".ansible" / "cp", ignore_errors=True)

    def commands(self) -> list[int]:
        """Pids of what runs for this user, but for that which is kept for later.

        Those are SSH connections, and the processes of an engine.
        """
        return [pid for pid in self._processes() if b"[mux]" not in _command_line(pid)]

    def start_over(self) -> None:
        """Be somebody new again: no connection, no call, no file.

        An earlier call has started an engine, and has kept the names of the inventory.
        """
        for pid in self._processes():
            _end(pid)
        shutil.rmtree(self.home / ".ansible" / "cp", ignore_errors=True)
        with known_names_stay(self.home):
            for path in self.home.iterdir():
                if path.name not in {".ansible", "runtime"}:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
        self.environment = dict(self._first_environment)

    def _processes(self) -> list[int]:
        """Pids of all that runs for this user without being a part of an engine."""
        marked = marked_processes(f"DXTEST={self.home}")
        engines = {pid for pid in marked if _ENGINE in _command_line(pid)}
        return [
            pid
            for pid in marked
            if not (pid in engines or _parent(pid) in engines or _SERVES in _command_line(pid))
        ]

    def close(self) -> None:
        """Leave nothing: neither processes nor files."""
        if self.has_engines:
            self.run("--engine", "stop")
        for pid in marked_processes(f"DXTEST={self.home}"):
            if b"dx-janitor" not in _command_line(pid):  # it ends once it has removed its directory
                _end(pid)
        shutil.rmtree(self.home, ignore_errors=True)


def _end(pid: int) -> None:
    with suppress(ProcessLookupError):  # it may have ended since it was found
        os.kill(pid, signal.SIGKILL)


def _command_line(pid: int) -> bytes:
    return processes.read(pid, "cmdline")


def _parent(pid: int) -> int:
    stat = processes.read(pid, "stat").rpartition(b")")[2].split()
    return int(stat[1]) if stat else 0


def marked_processes(mark: str) -> list[int]:
    """Pids of the other processes that have this ``NAME=value`` in their environment."""
    return sorted(processes.marked(mark) - {os.getpid()})
