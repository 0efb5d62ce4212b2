"""``python -m benchmarks``: see the package's text."""

from __future__ import annotations

import argparse
import signal
import sys
import traceback
from typing import TYPE_CHECKING

import benchmarks
from benchmarks import growth, machine, plot, stages, table
from benchmarks.bench import Bench
from benchmarks.fleet import Fleet
from benchmarks.results import PLOT, Results
from benchmarks.row import Row
from benchmarks.rows import GROUPS
from benchmarks.timing import BenchError
from tests.lab import LabError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["main"]

_GROWTH = "growth"
_PROBLEMS = (BenchError, LabError, OSError)


def main() -> int:
    """Run one command; return its exit status."""
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if options.action == "table":
            known = Results.read()
            _say(table.markdown(known.machine, known.rows))
            _say(table.growth(known.points))
        elif options.action == "profile":
            with Fleet() as fleet:
                _say(stages.profile(Bench(fleet=fleet, samples=options.samples)))
        else:
            _measure(options)
    except KeyboardInterrupt:
        return 130
    except FileNotFoundError as error:
        sys.stderr.write(f"{error}; run: make bench\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=benchmarks.__doc__)
    parser.add_argument("action", nargs="?", default="run", choices=("run", "table", "profile"))
    parser.add_argument("--samples", type=int, default=10, help="of each program (default: 10)")
    parser.add_argument(
        "--only", action="append", choices=(*GROUPS, _GROWTH), help="may be repeated"
    )
    parser.add_argument("--full", action="store_true", help="up to 5,000 hosts")
    return parser


def _measure(options: argparse.Namespace) -> None:
    results = Results(machine={**machine.describe(), "samples": str(options.samples)})
    with Fleet() as fleet:
        bench = Bench(fleet=fleet, samples=options.samples, full=options.full)
        for name in options.only or (*GROUPS, _GROWTH):
            sys.stderr.write(f"{name} …\n")
            if name == _GROWTH:
                _grow(bench, results)
            else:
                rows = list(_rows_of(name, bench))
                results.rows += rows
                _say(table.plain(rows) + "\n")
            results.write()
    _say(table.plain(results.rows))
    if results.points:
        plot.draw(results.points, PLOT)
        _say(f"\n{table.growth(results.points)}\nplot: {PLOT}")


def _rows_of(name: str, bench: Bench) -> Iterator[Row]:
    """What can't be measured is a row too."""
    try:
        yield from GROUPS[name](bench)
    except _PROBLEMS as error:
        traceback.print_exc()
        yield Row(key=name, work=name, problem=str(error))


def _grow(bench: Bench, results: Results) -> None:
    try:
        for point in growth.measure(bench):
            results.points.append(point)
            results.write()
    except _PROBLEMS as error:
        traceback.print_exc()
        work = "growth, after what is shown"
        results.rows.append(Row(key=_GROWTH, work=work, problem=str(error)))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
