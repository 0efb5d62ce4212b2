"""The growth with the hosts as a picture."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.growth import Point

__all__ = ["draw"]

_TITLES = {"sshd": "real sshd, echo hi", "free": "a transport that costs nothing"}
_AXES = {"wall": "wall time, s", "cpu": "processor, s"}


def draw(points: Sequence[Point], path: Path) -> None:
    """Write an SVG: wall time and processor, for each transport."""
    import matplotlib as mpl  # noqa: PLC0415 - it is slow to load, and only the end needs it

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "dxansible"  # the same numbers give the same file
    from matplotlib import pyplot as plt  # noqa: PLC0415 - as above

    figure, axes = plt.subplots(2, 2, figsize=(11, 8), layout="constrained")
    for row, (transport, title) in enumerate(_TITLES.items()):
        for column, (kind, label) in enumerate(_AXES.items()):
            axis = axes[row][column]
            _lines(axis, [point for point in points if point.transport == transport], kind)
            axis.set(title=title, xlabel="hosts", ylabel=label)
            axis.grid(visible=True, which="both", alpha=0.3)
            if axis.lines:  # a logarithm of nothing is an error
                axis.set(xscale="log", yscale="log")
                axis.legend()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _lines(axis: object, points: Sequence[Point], kind: str) -> None:
    for program in dict.fromkeys(point.program for point in points):
        ours = sorted(
            (each for each in points if each.program == program and each.wall),
            key=lambda p: p.hosts,
        )
        hosts = [point.hosts for point in ours]
        values = [statistics.median(getattr(point, kind)) for point in ours]
        axis.plot(hosts, values, marker="o", label=program)  # type: ignore[attr-defined]
