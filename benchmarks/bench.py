"""One measurement of all: what the rows share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.caller import Caller

if TYPE_CHECKING:
    from benchmarks.fleet import Fleet
    from benchmarks.timing import Run

__all__ = ["Bench", "cpu", "milliseconds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """The hosts, and how thorough to be."""

    fleet: Fleet
    samples: int = 10
    full: bool = False
    """Up to 5,000 hosts, which takes long."""

    def caller(self, hosts: int, *, engine: bool = True) -> Caller:
        """Somebody whose inventory has the first ``hosts`` hosts."""
        return Caller(self.fleet, self.fleet.inventory(hosts), engine=engine)


def milliseconds(runs: list[Run]) -> tuple[float, ...]:
    """The wall time of each."""
    return tuple(each.seconds * 1000 for each in runs)


def cpu(runs: list[Run]) -> tuple[float, ...]:
    """The processor's time of each, in milliseconds."""
    return tuple(each.cpu * 1000 for each in runs)
