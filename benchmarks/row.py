"""A row of the table: what was measured, beside what, and whether it met its goal."""

from __future__ import annotations

import math
import statistics
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Row", "Verdict", "percentile"]


class Verdict(StrEnum):
    """What became of a row's goal."""

    PASS = "pass"  # noqa: S105 - not a password
    FAIL = "fail"
    NO_GOAL = "-"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One comparison."""

    key: str
    """Of the group of rows that are measured together."""
    work: str
    beside: str = ""
    goal: float | None = None
    """At most so much: a ratio where there is something beside, else in ``unit``.

    None is a row for information.
    """
    unit: str = "ms"
    ours: tuple[float, ...] = ()
    """Every sample."""
    theirs: tuple[float, ...] = ()
    percent: int = 50
    """The percentile that counts: 50 is the median."""
    note: str = ""
    problem: str = ""
    """Why it could not be measured."""

    @property
    def our_value(self) -> float:
        """What counts of our samples."""
        return percentile(self.ours, self.percent)

    @property
    def their_value(self) -> float:
        """What counts of the samples beside."""
        return percentile(self.theirs, self.percent)

    @property
    def measured(self) -> float | None:
        """The ratio, or our value where there is nothing beside."""
        if not self.ours or (self.beside and not self.theirs):
            return None
        return self.our_value / self.their_value if self.theirs else self.our_value

    @property
    def verdict(self) -> Verdict:
        """Whether the goal is met."""
        if self.measured is None:
            return Verdict.NOT_MEASURED
        if self.goal is None:
            return Verdict.NO_GOAL
        return Verdict.PASS if self.measured <= self.goal else Verdict.FAIL

    def as_dict(self) -> dict[str, Any]:
        """For JSON: the samples, and what follows from them."""
        return {**asdict(self), "measured": self.measured, "verdict": str(self.verdict)}

    @classmethod
    def from_dict(cls, known: Mapping[str, Any]) -> Self:
        """Read what `as_dict` wrote."""
        values = {each.name: known[each.name] for each in fields(cls)}
        return cls(**{**values, "ours": tuple(values["ours"]), "theirs": tuple(values["theirs"])})


def percentile(samples: tuple[float, ...], percent: int) -> float:
    """The median, or the smallest sample that so many percent do not exceed."""
    if percent == 50:  # noqa: PLR2004 - the median
        return statistics.median(samples)
    return sorted(samples)[math.ceil(len(samples) * percent / 100) - 1]
