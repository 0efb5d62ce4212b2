"""What shall happen in a round, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

__all__ = ["CALLS", "KILLS", "SHELLS", "Plan", "draw"]

SHELLS = ("dash", "busybox", "bash")
CALLS = ("start", "poll", "abort")
KILLS = ("start", "supervisor", "timers", "spools", "command")
"""What is killed with -9: the processes of the first start, and those that the keeper left."""
_LATEST = 1.2
"""Seconds after which nothing more happens in a round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One round. Moments are in seconds after the first start."""

    number: int
    shell: str
    before: float
    """Seconds that the command sleeps before it appends its line."""
    after: float
    """Seconds that it sleeps after that."""
    code: int
    child: bool
    """The command leaves a child running."""
    deadline: float
    calls: tuple[tuple[float, str], ...]
    """Moments of further CALLS."""
    kills: tuple[tuple[float, str], ...]
    """Moments at which one of KILLS is killed."""

    @property
    def command(self) -> str:
        """What is started."""
        child = "sleep 8640 & " if self.child else ""
        work = f"sleep {self.before}; echo line >>lines; sleep {self.after}; echo done"
        return f"{child}{work}; exit {self.code}"

    @property
    def killed(self) -> frozenset[str]:
        """All that is killed."""
        return frozenset(name for _, name in self.kills)

    @property
    def aborted(self) -> bool:
        """Whether a call asks for the end."""
        return any(name == "abort" for _, name in self.calls)

    @property
    def accidents(self) -> tuple[str, ...]:
        """Kinds of what happens, for the summary."""
        kinds = {name for _, name in self.calls} - {"poll"}
        return (*sorted(kinds), *(f"{name} killed" for name in sorted(self.killed))) or ("none",)


def draw(seed: int, number: int) -> Plan:
    """Return the plan of a round, always the same for a seed and a number."""
    dice = Random(f"keeper/{seed}/{number}")  # noqa: S311 - no cryptography
    shell = SHELLS[number % len(SHELLS)]
    calls = [dice.choice(CALLS) for _ in range(dice.choice((0, 1, 2, 3)))]
    names = [dice.choice(KILLS) for _ in range(dice.choice((0, 0, 1, 1, 2)))]
    early = dice.random() < 0.5
    return Plan(
        number=number,
        shell=shell,
        before=dice.choice((0, 0, 0.1, 0.4)),
        after=dice.choice((0, 0, 0.1, 0.6)),
        code=dice.choice((0, 0, 3)),
        child=dice.random() < 0.2,
        deadline=dice.choice((60, 60, 60, 0.3, 0.8)),
        calls=_in_time(dice, calls, early=early),
        kills=_in_time(dice, names, early=early),
    )


def _in_time(dice: Random, names: list[str], *, early: bool) -> tuple[tuple[float, str], ...]:
    """Give each its moment: in the first moments, in which a start is under way, or any."""
    latest = 0.1 if early else _LATEST
    return tuple(sorted((round(dice.uniform(0, latest), 3), name) for name in names))
