# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The usage of a turn and of a session, as the agents have told it. Nothing is estimated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import finalize
from .agent_usage import NUMBERS
from .keeper_reply import ENDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .keeper_listing import Entry
    from .keeper_reply import Session

CONVERSATION = "conversation"
_NAMES = dict(
    zip(NUMBERS, ("input_tokens", "output_tokens", "cached_tokens", "cost_usd"), strict=True)
)


def of_turn(told: Session) -> dict[str, Any] | None:
    """What the agent has told of one turn, for a record; None if it told nothing."""
    numbers = {name: getattr(told, key) for key, name in _NAMES.items()}
    if all(number is None for number in numbers.values()):
        return None
    return {**numbers, "of": told.usage_of or "turn"}


def of_session(turns: Iterable[Entry]) -> dict[str, Any] | None:
    """The sum over a session's turns, oldest first; None if no turn has told anything.

    ``turns_untold`` are turns that ended without telling it, for instance because they were
    stopped: the sum lacks what those have used.
    """
    sums: dict[str, Any] = dict.fromkeys(_NAMES.values())
    told = untold = 0
    for entry in turns:
        usage = of_turn(entry)
        if usage is not None:
            told += 1
            whole = usage.pop("of") == CONVERSATION
            for name, number in usage.items():
                if number is not None:
                    sums[name] = number if whole else (sums[name] or 0) + number
        elif entry.state in ENDED and not entry.facts.get(finalize.MARK):
            untold += 1
    return {**sums, "of": "session", "turns_untold": untold} if told else None


def over_limit(usage: Mapping[str, Any] | None, limit: object) -> float | None:
    """What a session with this sum has cost, if that is its limit in US dollars or more.

    None if it is less, or if there is no limit.
    """
    cost = (usage or {}).get("cost_usd")
    sound = isinstance(limit, int | float) and not isinstance(limit, bool) and limit > 0
    return cost if sound and cost is not None and cost >= limit else None
