"""The numbers of the last measurement, in .cache/bench."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Self

from benchmarks.caller import ROOT
from benchmarks.growth import Point
from benchmarks.row import Row

__all__ = ["PLOT", "Results"]

_DIRECTORY = ROOT / ".cache" / "bench"
_FILE = _DIRECTORY / "latest.json"
PLOT = _DIRECTORY / "growth.svg"


@dataclass(slots=True, kw_only=True)
class Results:
    """The machine, the rows of the table and the points of the curves."""

    machine: dict[str, str]
    rows: list[Row] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)

    def write(self) -> None:
        """Keep them, in place of the last."""
        _DIRECTORY.mkdir(parents=True, exist_ok=True)
        document = {
            "machine": self.machine,
            "rows": [row.as_dict() for row in self.rows],
            "growth": [point.as_dict() for point in self.points],
        }
        _FILE.write_text(json.dumps(document, indent=1) + "\n")

    @classmethod
    def read(cls) -> Self:
        """Return what `write` has kept. Raises FileNotFoundError before the first time."""
        known = json.loads(_FILE.read_text())
        return cls(
            machine=known["machine"],
            rows=[Row.from_dict(row) for row in known["rows"]],
            points=[Point.from_dict(point) for point in known["growth"]],
        )
