"""What the rounds came to, as text."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.chaos.judge import violations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.chaos.judge import Evidence, Told

__all__ = ["account", "summary", "table"]


def account(evidence: Evidence) -> str:
    """Return a line about one round, and one about each violation in it."""
    plan = evidence.plan
    told = ", ".join(map(str, (*evidence.told, evidence.follow_up)))
    accidents = " + ".join(plan.accidents)
    lines = [f"round {plan.number} {evidence.vm}: {accidents}; {told}; lines {evidence.lines}"]
    lines += [f"  VIOLATION {words}" for words in violations(evidence)]
    return "\n".join(lines)


def summary(played: Sequence[Evidence]) -> str:
    """Return a table: for each kind of accident, what clients were told, and broken promises."""
    columns = sorted({_word(told) for evidence in played for told in evidence.told})
    header = ["accident", "rounds", "ran", *columns, "violations"]
    kinds = sorted({kind for evidence in played for kind in evidence.plan.accidents})
    rows = [_row(kind, [e for e in played if kind in e.plan.accidents], columns) for kind in kinds]
    rows.append(_row("all", played, columns))
    return table([header, *rows])


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of cells as text, with columns that are aligned on the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )


def _row(kind: str, played: Sequence[Evidence], columns: Sequence[str]) -> list[str]:
    told = Counter(_word(told) for evidence in played for told in evidence.told)
    ran = sum(evidence.lines for evidence in played)
    broken = sum(len(violations(evidence)) for evidence in played)
    return [kind, str(len(played)), str(ran), *(str(told[name]) for name in columns), str(broken)]


def _word(told: Told) -> str:
    if told.killed:
        return "killed"
    return "SUCCESS" if told.outcome == "SUCCESS" else (told.reason or "no answer")
