"""What shall happen in a round, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

__all__ = ["KILLS", "KILLS_OF_THE_VM", "Plan", "draw"]

KILLS = (
    "ssh", "worker", "ansible-playbook", "engine", "timers", "spools", "supervisor",
)  # fmt: skip
"""What can be killed besides sshd and the client."""

_OF_THE_KEEPER = frozenset({"timers", "spools", "supervisor"})

KILLS_OF_THE_VM = frozenset({"spools", "supervisor"})
"""Those after which the VM itself no longer knows what became of a command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One round.  Moments are fractions of the time that an undisturbed call takes here."""

    number: int
    run_id: str
    before: float
    """Seconds that the command sleeps before it appends its line."""
    after: float
    """Seconds that it sleeps after that."""
    reconnect: bool
    """No connection is left from the round before."""
    bare: bool
    """The VM has never seen our script."""
    cut_up: int | None = None
    """The next connections break after so many bytes from the client…"""
    cut_down: int | None = None
    """…or from the server."""
    cuts: int = 1
    """How many connections break so."""
    resets: tuple[float, ...] = ()
    """The moments at which all live connections are reset."""
    kill_sessions: float | None = None
    """The moment at which sshd's processes for all connections are killed."""
    kill_client: float | None = None
    """The moment at which the client is killed with -9; its successor starts right after that."""
    rival: float | None = None
    """The moment at which a second client sends the same."""
    same_home: bool = False
    """The rival is the same user, and shares the connection."""
    engines: bool = False
    """The users have engines."""
    kills: tuple[tuple[float, str], ...] = ()
    """Moments, and which of KILLS is killed with -9 then."""
    aborts: float | None = None
    """The moment at which two clients abort it at once."""

    @property
    def command(self) -> str:
        """What is sent."""
        return f"sleep {self.before}; echo line >>{self.file}; sleep {self.after}; echo done"

    @property
    def file(self) -> str:
        """The file in the VM's home that gets the line."""
        return f"lines-{self.run_id}"

    @property
    def accidents(self) -> tuple[str, ...]:
        """Kinds of accident, for the summary."""
        told = {
            "cut up": self.cut_up is not None,
            "cut down": self.cut_down is not None,
            "reset": bool(self.resets),
            "sshd killed": self.kill_sessions is not None,
            "client killed": self.kill_client is not None,
            "race": self.rival is not None,
            "two aborts": self.aborts is not None,
            **{f"{name} killed": True for _, name in self.kills},
        }
        return tuple(kind for kind, there in told.items() if there) or ("none",)


_UP = ((0, 4300), (3200, 4300), (0, 17_500))
_DOWN = ((0, 4400), (3300, 4400))
"""Ranges of bytes.  A call sends and gets some 4,000: a handshake of 3,500, then what it is about.
If it has to bring our script too, it sends 17,000."""


def draw(seed: int, number: int) -> Plan:
    """Return the plan of a round, always the same for a seed and a number."""
    dice = Random(f"{seed}/{number}")  # noqa: S311 - no cryptography

    def perhaps(chance: float, value: float) -> float | None:
        return round(value, 3) if dice.random() < chance else None

    cut = dice.choice(["up", "down", "both", "none", "none"])
    kills = _kills(dice) if dice.random() < 0.6 else ()
    # what is killed on the VM has to be there for a while
    pauses = (0.3, 1) if {name for _, name in kills} & _OF_THE_KEEPER else (0, 0, 0.2, 1)
    return Plan(
        number=number,
        run_id=f"chaos_{seed}_{number}_{dice.getrandbits(32):08x}",
        before=dice.choice(pauses),
        after=dice.choice(pauses) * 1.5,
        reconnect=cut != "none" or dice.random() < 0.5,
        bare=dice.random() < 0.25,
        cut_up=dice.randrange(*dice.choice(_UP)) if cut in ("up", "both") else None,
        cut_down=dice.randrange(*dice.choice(_DOWN)) if cut in ("down", "both") else None,
        cuts=dice.choice([1, 1, 2, 3]),
        resets=_moments(dice, 5) if dice.random() < 0.3 else (),
        kill_sessions=perhaps(0.2, dice.uniform(0.2, 1.2)),
        kill_client=perhaps(0.4, dice.uniform(0.0, 1.1)),
        rival=perhaps(0.4, dice.choice([0, dice.uniform(0, 1.2)])),
        same_home=dice.random() < 0.5,
        engines=dice.random() < 0.4,
        kills=kills,
        aborts=perhaps(0.15, dice.uniform(0.2, 1.2)),
    )


def _kills(dice: Random) -> tuple[tuple[float, str], ...]:
    names = (dice.choice(KILLS) for _ in range(dice.choice([1, 1, 1, 2, 3])))
    return tuple(sorted((round(dice.uniform(0.1, 1.3), 3), name) for name in names))


def _moments(dice: Random, most: int) -> tuple[float, ...]:
    return tuple(sorted(round(dice.uniform(0.2, 2.5), 3) for _ in range(dice.randint(1, most))))
