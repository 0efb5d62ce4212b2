# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""How an agent's events tell its usage, and that it stopped at a usage limit.

The events are read on the VM, by files/usage.awk, because a turn that waits for a limit has no
client. Here the rules are read from the agent's record, and written down for that program.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .agent_events import Match
    from .agent_record import RecordReader

NUMBERS = ("input", "output", "cached", "cost")
"""Keys of a usage: tokens, and the cost in US dollars."""


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
