"""The numbers of the last measurement, in .cache/bench/latest.json."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks.caller import ROOT
from benchmarks.row import Row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["DIRECTORY", "read", "write"]

DIRECTORY = ROOT / ".cache" / "bench"
_FILE = DIRECTORY / "latest.json"


def write(machine: Mapping[str, str], rows: Sequence[Row]) -> None:
    """Keep them, in place of the last."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    document = {"machine": dict(machine), "rows": [row.as_dict() for row in rows]}
    _FILE.write_text(json.dumps(document, indent=1) + "\n")


def read() -> tuple[dict[str, str], list[Row]]:
    """Return what `write` has kept. Raises FileNotFoundError before the first time."""
    document = json.loads(_FILE.read_text())
    return document["machine"], [Row.from_dict(row) for row in document["rows"]]
