"""What the rounds came to, as text."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.chaos.kept.judge import violations
from tests.chaos.report import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.chaos.kept.judge import Evidence

__all__ = ["account", "summary"]

_MOST = 5
"""Violations of a round that are shown."""


def account(evidence: Evidence) -> str:
    """Return a line about one round, and one about each violation in it."""
    plan, broken = evidence.plan, violations(evidence)
    kills = " + ".join(f"{victim} at {moment}" for moment, victim in plan.kills)
    call = f"{_way(evidence)}{' live' if plan.live else ''}, retries {plan.retries}"
    told = Counter(each.reason or each.outcome for each in evidence.told.values())
    ends = ", ".join(f"{reason} {count}" for reason, count in sorted(told.items()))
    ran = sum(evidence.ran.values())
    lines = [f"round {plan.number} {call}: {kills}; {ends}; ran {ran}"]
    lines += [f"  VIOLATION {words}" for words in broken[:_MOST]]
    lines += [f"  and {len(broken) - _MOST} more"] if len(broken) > _MOST else []
    return "\n".join(lines)


def summary(played: Sequence[Evidence]) -> str:
    """Return a table of what became of the hosts, for each way of a call and for all."""
    header = ["way", "rounds", "hosts", "ran", "success", "lost", "seen through", "never there"]
    ways = sorted({_way(each) for each in played})
    rows = [_row(way, [each for each in played if _way(each) == way]) for way in ways]
    return table([[*header, "violations"], *rows, _row("all", played)])


def _way(evidence: Evidence) -> str:
    if not evidence.plan.kept:
        return "cold"
    return "warm" if evidence.plan.warm else "starting"


def _row(way: str, played: Sequence[Evidence]) -> list[str]:
    told = [each for evidence in played for each in evidence.told.values()]
    lost = [
        (evidence, host) for evidence in played for host, each in evidence.told.items() if each.lost
    ]
    seen = sum(1 for evidence, host in lost if host in evidence.later)
    numbers = (
        len(played),
        len(told),
        sum(sum(evidence.ran.values()) for evidence in played),
        sum(each.succeeded for each in told),
        len(lost),
        seen,
        len(lost) - seen,
        sum(len(violations(evidence)) for evidence in played),
    )
    return [way, *map(str, numbers)]
