# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How an agent's events tell its usage, and that it stopped at a usage limit.

The events are read on the VM, by files/usage.awk, because a turn that waits for a limit has no
client. Here the rules are read from the agent's record, and written down for that program; and what
it has found becomes the usage of a turn and of a session. Nothing is estimated.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .keeper_listing import FINALIZE
from .states import ENDED
from .value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from .agent_events import Match
    from .agent_record import RecordReader
    from .keeper_listing import Entry
    from .keeper_reply import Session

NUMBERS = {
    "input": "input_tokens", "output": "output_tokens", "cached": "cached_tokens",
    "cost": "cost_usd",
}  # fmt: skip
"""Tokens, and the cost in US dollars: the keys of a usage, and the names in a result."""
CONVERSATION = "conversation"
_SESSION = "session"
_COST = NUMBERS["cost"]


class LimitRule(Value):
    """Recognises an agent that stopped at a usage limit."""

    when: Match
    message: str | None = None
    """Path of the agent's words, which may say when the limit resets."""
    matches: str = ""
    """Extended regular expression that the words must match; empty for any words."""
    resets_at: str | None = None
    """Path of the time at which the limit resets, in seconds since the epoch."""
    resets_in: str | None = None
    """Path of the seconds until then."""


class UsageRule(Value):
    """Selects the events that tell the agent's usage. Numbers of several events are added."""

    when: Match
    input: str | None = None
    output: str | None = None
    cached: str | None = None
    cost: str | None = None
    of: str = "turn"
    """``conversation``: an event's numbers count from the conversation's first turn."""


def read_limit(reader: RecordReader) -> LimitRule:
    """Read one rule of ``usage_limit``. Raises AgentError."""
    reader.refuse_unknown(LimitRule.__dataclass_fields__)
    rule = LimitRule(
        when=reader.match("when"),
        message=reader.path("message"),
        matches=reader.expression("matches"),
        resets_at=reader.path("resets_at"),
        resets_in=reader.path("resets_in"),
    )
    if rule.matches and rule.message is None:
        reader.fail("matches", "does nothing without message")
    return rule


def read_usage(reader: RecordReader) -> UsageRule:
    """Read the rule of ``usage``. Raises AgentError."""
    reader.refuse_unknown(UsageRule.__dataclass_fields__)
    paths = {name: reader.path(name) for name in NUMBERS}
    if not any(paths.values()):
        reader.fail("input", f"is missing; write the path of a number: {', '.join(NUMBERS)}")
    return UsageRule(
        when=reader.match("when"), of=reader.word("of", ("turn", "conversation")), **paths
    )


def written(limits: Sequence[LimitRule], usages: Sequence[UsageRule], native_id: str | None) -> str:
    """The rules for files/usage.awk; empty if there is nothing to read."""
    if not limits and not usages:
        return ""
    lines = [["id", native_id]] if native_id else []
    for limit in limits:
        times = {"at": limit.resets_at, "in": limit.resets_in}
        words = {"text": limit.message, "matches": limit.matches, **times}
        lines += [["limit"], *_conditions(limit.when), *_given(words)]
    for usage in usages:
        numbers = {name: getattr(usage, name) for name in NUMBERS}
        lines += [["usage", usage.of], *_conditions(usage.when), *_given(numbers)]
    return "\n".join("\t".join(words) for words in lines)


def _conditions(match: Match) -> Iterator[list[str]]:
    for path, allowed in match.conditions:
        yield ["when", path, *(json.dumps(value, ensure_ascii=False) for value in allowed)]


def _given(words: dict[str, str | None]) -> list[list[str]]:
    return [[name, text] for name, text in words.items() if text]


def of_turn(told: Session) -> dict[str, Any] | None:
    """What the agent has told of one turn, for a record; None if it told nothing."""
    numbers = {name: getattr(told, key) for key, name in NUMBERS.items()}
    if all(number is None for number in numbers.values()):
        return None
    of = told.usage_of or "turn"
    return {**numbers, "of": of, "cost_of": told.cost_of or of}


def of_session(turns: Iterable[Entry]) -> dict[str, Any] | None:
    """The sum over a session's turns, oldest first; None if no turn has told anything.

    ``turns_untold`` are turns that ended without telling it, for instance because they were
    stopped: the sum lacks what those have used.
    """
    sums = {name: _Sum() for name in NUMBERS.values()}
    told = untold = 0
    for entry in turns:
        usage = of_turn(entry)
        if usage is not None:
            told += 1
            for name, sum_ in sums.items():
                sum_.add(usage[name], usage["cost_of" if name == _COST else "of"])
        elif entry.state in ENDED and not (entry.tombstone or entry.facts.get(FINALIZE)):
            untold += 1
    if not told:
        return None
    numbers = {name: sum_.total for name, sum_ in sums.items()}
    return {**numbers, "of": _SESSION, "cost_of": _SESSION, "turns_untold": untold}


class _Sum:
    """One number, summed over turns."""

    def __init__(self) -> None:
        self.total: float | None = None
        self._before: float = 0
        """What the conversations before this one have used."""
        self._last: float = 0
        """The last number that counts from the conversation's first turn."""

    def add(self, number: float | None, of: str) -> None:
        if number is None:
            return
        if of != CONVERSATION:
            self.total = (self.total or 0) + number
            return
        if number < self._last:  # another conversation has begun
            self._before = self.total or 0
        self._last, self.total = number, self._before + number


def over_limit(usage: Mapping[str, Any] | None, limit: object) -> float | None:
    """What a session with this sum has cost, if that is its limit in US dollars or more.

    None if it is less, or if there is no limit.
    """
    cost = (usage or {}).get("cost_usd")
    sound = isinstance(limit, int | float) and not isinstance(limit, bool) and limit > 0
    return cost if sound and cost is not None and cost >= limit else None
