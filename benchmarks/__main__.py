"""``python -m benchmarks``: see the package's text."""

from __future__ import annotations

import argparse
import signal
import sys
import traceback
from typing import TYPE_CHECKING

import benchmarks
from benchmarks import machine, results, table
from benchmarks.bench import Bench
from benchmarks.fleet import Fleet
from benchmarks.row import Row
from benchmarks.rows import GROUPS
from benchmarks.timing import BenchError
from tests.lab import LabError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["main"]


def main() -> int:
    """Run one command; return its exit status."""
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if options.action == "table":
            _say(table.markdown(*results.read()))
        else:
            _measure(options)
    except KeyboardInterrupt:
        return 130
    except FileNotFoundError as error:
        sys.stderr.write(f"{error}; run: make bench\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=benchmarks.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", nargs="?", default="run", choices=("run", "table"))
    parser.add_argument("--samples", type=int, default=10, help="of each program (default: 10)")
    parser.add_argument("--only", action="append", choices=tuple(GROUPS), help="may be repeated")
    parser.add_argument("--full", action="store_true", help="up to 5,000 hosts")
    return parser


def _measure(options: argparse.Namespace) -> None:
    about = machine.describe()
    rows: list[Row] = []
    with Fleet() as fleet:
        bench = Bench(fleet=fleet, samples=options.samples, full=options.full)
        for name in options.only or GROUPS:
            sys.stderr.write(f"{name} …\n")
            for row in _rows_of(name, bench):
                rows.append(row)
                _say(table.plain([row]))
    about["samples"] = str(options.samples)
    results.write(about, rows)
    _say("\n" + table.plain(rows))


def _rows_of(name: str, bench: Bench) -> Iterator[Row]:
    """What can't be measured is a row too."""
    try:
        yield from GROUPS[name](bench)
    except (BenchError, LabError, OSError) as error:
        traceback.print_exc()
        yield Row(key=name, work=name, problem=str(error))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
