"""What shall happen in a round, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

__all__ = ["Plan", "draw"]

_OF_A_RUN = ("ansible-playbook", "worker")
_OF_AN_ENGINE = ("engine", *_OF_A_RUN)
_SLEEPS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One round. Moments are fractions of the time that an undisturbed call takes."""

    number: int
    run_id: str
    kept: bool
    """The call goes to an engine."""
    warm: bool
    """An engine, and a connection, are there before."""
    kills: tuple[tuple[float, str], ...]
    """Moments, and what is killed with -9 then, wherever the caller has it."""
    retries: int
    live: bool
    """Output is shown as it comes, not gathered into JSON."""
    lines: int
    pause: float
    """Seconds for which the command sleeps, four times while it prints."""

    @property
    def file(self) -> str:
        """In the home of each VM; a line for each time that the command has run."""
        return f"ran-{self.run_id}"

    @property
    def command(self) -> str:
        """What is sent."""
        step = max(1, self.lines // _SLEEPS)
        return (
            f"echo ran >>{self.file}; n=0; while [ $n -lt {self.lines} ]; do n=$((n + 1));"
            f' echo "{self.run_id} line $n"; [ $((n % {step})) -gt 0 ] || sleep {self.pause};'
            " done; echo end >&2"
        )

    @property
    def output(self) -> str:
        """All that it prints on standard output."""
        return "".join(f"{self.run_id} line {number}\n" for number in range(1, self.lines + 1))

    @property
    def seconds(self) -> float:
        """That it sleeps in all."""
        return _SLEEPS * self.pause


def draw(seed: int, number: int) -> Plan:
    """Return the plan of a round, always the same for a seed and a number."""
    dice = Random(f"kept/{seed}/{number}")  # noqa: S311 - no cryptography
    kept = dice.random() < 0.5
    victims = _OF_AN_ENGINE if kept else _OF_A_RUN
    count = dice.choice((1, 1, 1, 2))
    moments = sorted(round(dice.uniform(0.0, 1.05), 3) for _ in range(count))
    return Plan(
        number=number,
        run_id=f"kept_{seed}_{number}_{dice.getrandbits(32):08x}",
        kept=kept,
        warm=kept and dice.random() < 0.6,
        kills=tuple((moment, dice.choice(victims)) for moment in moments),
        retries=dice.choice((0, 1, 1)),
        live=dice.random() < 0.3,
        lines=dice.choice((1, 40, 400, 2000)),
        pause=dice.choice((0, 0.05, 0.3, 0.8)),
    )
