"""Rounds by hand: `python -m tests.chaos.claims --rounds 200`, `--only 17` for one again."""

from __future__ import annotations

import sys
from collections import Counter

from tests.chaos.claims.stage import Round, Stage, violations
from tests.chaos.options import options_of

_DISPATCHERS = 64


def main() -> int:
    """Return 1 if a promise was broken."""
    options = options_of(
        "tests.chaos.claims", __doc__, rounds=200, hosts=8, dispatchers=_DISPATCHERS
    )
    played: list[Round] = []
    with Stage.open(options.hosts) as stage:
        for number in options.numbers:
            played.append(stage.play(options.seed, number, options.dispatchers))
            print(_account(played[-1]), flush=True)  # noqa: T201
    broken = sum(bool(violations(each)) for each in played)
    print(  # noqa: T201
        f"\n{len(played)} rounds of {options.dispatchers} dispatchers, "
        f"{sum(len(each.zombies) for each in played)} zombies revived: "
        f"{sum(len(each.pulls) for each in played)} pull requests; "
        f"{broken} rounds with violations"
    )
    print(f"seed {options.seed}")  # noqa: T201
    return 1 if broken else 0


def _account(played: Round) -> str:
    raced = Counter(reason or "has it" for reason in played.raced.values())
    ends = Counter(reason or "opened" for reason in played.finalized.values())
    line = (
        f"round {played.number}: {len(played.zombies)} zombies; raced {dict(raced)}; "
        f"finalized {dict(ends)}; {len(played.pulls)} pull requests; {played.seconds:.0f} s"
    )
    return "\n".join([line, *(f"  VIOLATION {words}" for words in violations(played))])


if __name__ == "__main__":
    sys.exit(main())
