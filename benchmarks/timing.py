"""Runs a program and takes its time; lets several programs take turns."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

__all__ = ["BenchError", "Run", "alternate", "run", "until_line"]


T = TypeVar("T")


class BenchError(Exception):
    """Something can't be measured here; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One program that ran to its end."""

    seconds: float
    cpu: float
    """Seconds of the processor, of the program and all descendants that it waited for."""
    out: str
    err: str

    def saying(self, word: str, times: int = 1) -> Self:
        """Return itself if so many lines have this word; else the work was not done: BenchError."""
        text = self.out + self.err
        lines = [line for line in text.splitlines() if word in line.split()]
        if len(lines) < times:
            raise BenchError(f"{word!r} came {len(lines)} times, not {times}: {text[-400:]}")
        return self


def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    directory: Path,
    codes: Sequence[int] = (0,),
) -> Run:
    """Run a program, its output to files: a live ssh connection may keep them open after its end.

    Raises BenchError if its exit code is none of ``codes``.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd=directory,
            env=environment,
            start_new_session=True,  # Ctrl-C is for the benchmark, which ends it
        )
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = [_read(out), _read(err)]
    if process.returncode not in codes:
        said = " ".join((texts[1].strip() or texts[0].strip())[-400:].split())
        raise BenchError(f"{command[0]} ended with {process.returncode}: {said}")
    cpu = usage.ru_utime + usage.ru_stime
    return Run(seconds=seconds, cpu=cpu, out=texts[0], err=texts[1])


def until_line(
    command: Sequence[str], environment: Mapping[str, str], directory: Path, word: str
) -> Run:
    """Run a program, but take the time only until it prints a line that begins with ``word``."""
    seconds, out = 0.0, ""
    with tempfile.TemporaryFile() as err:
        began = time.perf_counter()
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=err,
            cwd=directory,
            env=environment,
            start_new_session=True,
            text=True,
        ) as process:
            for line in process.stdout or ():
                out += line
                if not seconds and line.startswith(word):
                    seconds = time.perf_counter() - began
        text = _read(err)
    if process.returncode or not seconds:
        raise BenchError(f"{command[0]} ended with {process.returncode}: {out}{text[-400:]}")
    return Run(seconds=seconds, cpu=0.0, out=out, err=text)


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def alternate(
    samples: int, programs: Mapping[str, Callable[[], T]], *, warm_up: bool = True
) -> dict[str, list[T]]:
    """Call each in turn, ``samples`` times, so that a busy moment hits all of them alike.

    Every other round goes backwards. With ``warm_up`` there is one more round, before the others,
    which is not kept.
    """
    names = list(programs)
    found: dict[str, list[T]] = {name: [] for name in names}
    for number in range(0 if warm_up else 1, samples + 1):
        for name in names if number % 2 else reversed(names):
            value = programs[name]()
            if number:
                found[name].append(value)
    return found
