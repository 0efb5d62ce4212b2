"""Whoever calls the programs: a home directory and an environment with nothing else in them."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from benchmarks.timing import BenchError, Run, run, until_line
from benchmarks.usage import resident_cpu
from tests.lab import processes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from benchmarks.fleet import Fleet

__all__ = ["ROOT", "Caller"]

ROOT = Path(__file__).resolve().parents[1]
_SYSTEM = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_STALE = 40.0
"""Seconds after which live connections are used once more, lest they end (after 60)."""


class Caller:
    """Has an inventory, live connections and, if ``engine``, an engine of its own."""

    def __init__(
        self, fleet: Fleet, inventory: Path, *, engine: bool = True, connections: bool = True
    ) -> None:
        """Make the directories; nothing runs yet.

        Without ``connections`` none is kept alive: there is a transport that has none.
        """
        self.home = Path(tempfile.mkdtemp(prefix="u-", dir=fleet.root))
        self.redone = 0
        self._connections = connections
        self._used = 0.0
        run_directory = self.home / "run"
        run_directory.mkdir(mode=0o700)
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}:{_SYSTEM}",
            "HOME": str(self.home),
            "USER": "bench",
            "LANG": "C.UTF-8",
            "XDG_RUNTIME_DIR": str(run_directory),
            "DX_INVENTORY": str(inventory),
            "DX_ENGINE": "on" if engine else "off",
        }
        for name in ("CONFIG", "STATE", "DATA", "CACHE"):
            self.environment[f"XDG_{name}_HOME"] = str(self.home / name.lower())

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave neither engines nor connections."""
        try:
            self.stop_engines()
        finally:
            processes.kill_all(lambda: processes.running(f"{self.home}/"))
            shutil.rmtree(self.home, ignore_errors=True)

    @property
    def remark(self) -> str:
        """To be added to a row's note."""
        calls = f"{self.redone} call{'s' * (self.redone > 1)}"
        return f"; {calls} found no engine in time, and were made again" if self.redone else ""

    def run(self, *command: str, **extra: str) -> Run:
        """Run a program to its end; ``extra`` are variables. Raises BenchError if it fails."""
        return run(command, {**self.environment, **extra}, self.home)

    def saying(self, word: str, times: int, *command: str) -> Callable[[], Run]:
        """A program to run that has to say this on so many lines."""
        return lambda: self.run(*command).saying(word, times)

    def dispatch(self, *arguments: str, codes: Sequence[int] = (0,)) -> Run:
        """Call dx-dispatch. Raises BenchError if its exit code is none of ``codes``."""
        return run(["dx-dispatch", *arguments], self.environment, self.home, codes)

    def warm(self, *arguments: str, codes: Sequence[int] = (0,)) -> None:
        """Have engines and live connections for calls like this one."""
        for _ in range(60):
            engines = json.loads(self.run("dx-dispatch", "--engine", "status", "--json").out)
            ready = bool(engines["engines"])
            if _had_engines(self.dispatch(*arguments, "-v", codes=codes)) and ready:
                self._used = time.monotonic()
                return
            time.sleep(0.5)
        raise BenchError("there are no engines after 60 calls")

    def dispatch_warm(
        self, *arguments: str, codes: Sequence[int] = (0,), residents: bool = False
    ) -> Run:
        """Call dx-dispatch with engines and live connections, or again if a call had none.

        ``residents``: count what these spend on the call as well.
        """
        if self._connections and time.monotonic() > self._used + _STALE:
            self.dispatch(*arguments, codes=codes)
        for _ in range(20):
            before = resident_cpu(self.home) if residents else 0.0
            call = self.dispatch(*arguments, "-v", codes=codes)
            self._used = time.monotonic()
            if _had_engines(call):
                return self._with_residents(call, before) if residents else call
            self.redone += 1
        raise BenchError("20 calls in a row had no engine")

    def _with_residents(self, call: Run, before: float) -> Run:
        time.sleep(0.1)  # the engine has yet to see that its fork has ended
        return replace(call, cpu=call.cpu + resident_cpu(self.home) - before)

    def until_line(self, word: str, *arguments: str) -> Run:
        """Call dx-dispatch, and take the time until it prints a line that begins so."""
        for _ in range(20):
            call = until_line(["dx-dispatch", *arguments, "-v"], self.environment, self.home, word)
            if _had_engines(call):
                return call
            self.redone += 1
        raise BenchError("20 calls in a row had no engine")

    def drop_connections(self) -> None:
        """End the live ssh connections."""
        directory = self.home / ".ansible" / "cp"
        processes.kill_all(lambda: processes.running(f"{directory}/"))
        shutil.rmtree(directory, ignore_errors=True)

    def stop_engines(self) -> None:
        """End them."""
        if any((self.home / "run").glob("dx-engine-*/*")):
            self.run("dx-dispatch", "--engine", "stop")


def _had_engines(call: Run) -> bool:
    return "engine_unused" not in call.err
