"""Writes ``--metrics``: what node_exporter's textfile collector reads about the last run."""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from dxansible.errors import UsageError
from dxansible.logs import event
from dxansible.private_file import replace_file
from dxansible.record import FanoutOutcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dxansible.results import FanoutResult, TurnResult

__all__ = ["MetricsFile", "check_place"]

_SUFFIX = ".prom"
_MODE = 0o644
"""node_exporter is another user; the file names no host, command or id."""
_ESCAPES = {"\\": r"\\", '"': r"\"", "\n": r"\n"}


def check_place(path: str) -> None:
    """Raise UsageError if a file at ``path`` could not be written, or would not be collected."""
    place = Path(path).expanduser()
    if place.suffix != _SUFFIX:
        message = f"--metrics {path}: node_exporter reads only files whose names end in {_SUFFIX}"
        raise UsageError(message, f"give a name like {place.stem or 'deploy'}{_SUFFIX}")
    if not place.parent.is_dir():
        message = f"--metrics {path}: there is no directory {place.parent}"
        raise UsageError(message, "give the directory of node_exporter's --collector.textfile")
    if not os.access(place.parent, os.W_OK | os.X_OK) or place.is_dir():
        message = f"--metrics {path} can't be written"
        raise UsageError(message, "check the owner and mode of the directory")


class MetricsFile:
    """The file of one call."""

    def __init__(self, path: str) -> None:
        """The time of the run counts from now on."""
        self._path = Path(path).expanduser()
        self._began = time.monotonic()

    def write(self, results: Sequence[FanoutResult] | Sequence[TurnResult], code: int) -> None:
        """Replace the file; if it can't be written, one warning says so."""
        seconds = time.monotonic() - self._began
        outcomes = [each.outcome for each in results]
        text = "".join(_lines(self._path.stem, outcomes, code, seconds))
        try:
            replace_file(self._path, text.encode(errors="replace"), _MODE)
        except OSError as error:
            reason = error.strerror
            event("metrics_not_written", logging.WARNING, path=str(self._path), error=reason)


def _lines(
    name: str, outcomes: Iterable[FanoutOutcome | None], code: int, seconds: float
) -> Iterator[str]:
    counts = Counter(outcomes)
    label = 'name="' + "".join(_ESCAPES.get(each, each) for each in name) + '"'
    words = dict.fromkeys([*FanoutOutcome, *filter(None, counts)])
    hosts = {f'{label},outcome="{each}"': str(counts[each]) for each in words}
    yield from _metric("hosts", "Hosts of the last run by outcome.", hosts)
    for metric, text, value in (
        ("hosts_running", "Hosts whose work went on after the last run.", str(counts[None])),
        ("duration_seconds", "How long the last run took.", f"{seconds:.3f}"),
        ("exit_code", "Exit code of the last run.", str(code)),
        ("end_timestamp_seconds", "When the last run ended, in Unix time.", f"{time.time():.3f}"),
    ):
        yield from _metric(metric, text, {label: value})


def _metric(name: str, text: str, values: dict[str, str]) -> Iterator[str]:
    """Yield the lines of a metric; files with the same metric need the same text."""
    yield f"# HELP dx_dispatch_run_{name} {text}\n# TYPE dx_dispatch_run_{name} gauge\n"
    for labels, value in values.items():
        yield f"dx_dispatch_run_{name}{{{labels}}} {value}\n"
