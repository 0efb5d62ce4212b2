"""Rounds by hand: `python -m tests.chaos --rounds 1000 --seed 1`, `--only 17` to play one again."""

from __future__ import annotations

import sys

from tests.chaos.judge import violations
from tests.chaos.options import options_of
from tests.chaos.plan import draw
from tests.chaos.report import account, summary
from tests.chaos.stage import play_rounds
from tests.lab import Lab


def main() -> int:
    """Return 1 if a promise was broken."""
    options = options_of("tests.chaos", __doc__, rounds=100)
    with Lab.create() as lab:
        played = play_rounds(
            lab,
            [draw(options.seed, number) for number in options.numbers],
            lambda evidence: print(account(evidence), flush=True),  # noqa: T201
        )
    print(f"\n{summary(played)}\nseed {options.seed}")  # noqa: T201
    return 1 if any(map(violations, played)) else 0


if __name__ == "__main__":
    sys.exit(main())
