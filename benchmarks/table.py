"""The rows as a table, for a terminal or for a document."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.growth import Point
    from benchmarks.row import Row

__all__ = ["growth", "markdown", "plain"]

_HEAD = ("work", "beside", "goal", "measured", "ours", "theirs", "")


def plain(rows: Sequence[Row]) -> str:
    """Columns of text; notes and problems below their rows."""
    cells = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(map(str.ljust, each, widths)).rstrip() for each in cells]
    for number in range(len(rows), 0, -1):
        row = rows[number - 1]
        if row.problem:
            lines.insert(number + 1, f"    not measured: {row.problem}")
        elif row.note and (number == len(rows) or rows[number].note != row.note):
            lines.insert(number + 1, f"    {row.note}")
    return "\n".join(lines)


def markdown(machine: Mapping[str, str], rows: Sequence[Row]) -> str:
    """The same for docs/performance.md, with the machine."""
    lines = [", ".join(f"{name} {value}" for name, value in machine.items()) + ".", ""]
    lines += [f"| {' | '.join(_HEAD[:-1])} | | note |", "|---" * (len(_HEAD) + 1) + "|"]
    for row in rows:
        note = f"not measured: {row.problem}" if row.problem else row.note
        lines.append(f"| {' | '.join(_cells(row))} | {note} |")
    return "\n".join(lines)


def growth(points: Sequence[Point]) -> str:
    """The curves as Markdown tables: medians in seconds, wall time and processor."""
    lines: list[str] = []
    for transport in dict.fromkeys(point.transport for point in points):
        chosen = [point for point in points if point.transport == transport]
        hosts = list(dict.fromkeys(point.hosts for point in chosen))
        lines += [f"| {transport}: hosts | {' | '.join(map(str, hosts))} |"]
        lines += ["|---" * (len(hosts) + 1) + "|"]
        for program in dict.fromkeys(point.program for point in chosen):
            ours = {point.hosts: _pair(point) for point in chosen if point.program == program}
            lines += [f"| {program} | {' | '.join(ours.get(each, '') for each in hosts)} |"]
        lines.append("")
        lines += [f"{each.hosts} hosts: {each.problem}\n" for each in chosen if each.problem]
    return "\n".join(lines)


def _pair(point: Point) -> str:
    if point.problem:
        return "not measured"
    return f"{statistics.median(point.wall):.2f} / {statistics.median(point.cpu):.2f}"


def _cells(row: Row) -> tuple[str, ...]:
    times = "×" if row.beside else f" {row.unit}"
    goal = f"≤ {row.goal:g}{times}" if row.goal is not None else ""
    measured = f"{row.measured:.3g}{times}" if row.measured is not None else ""
    ours = f"{row.our_value:.4g} {row.unit}" if row.ours else ""
    theirs = f"{row.their_value:.4g} {row.unit}" if row.theirs else ""
    return row.work, row.beside, goal, measured, ours, theirs, str(row.verdict)
