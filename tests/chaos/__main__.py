"""Rounds by hand: `python -m tests.chaos --rounds 1000 --seed 1`, `--only 17` to play one again."""

from __future__ import annotations

import argparse
import secrets
import sys

from tests.chaos.judge import violations
from tests.chaos.plan import draw
from tests.chaos.report import account, summary
from tests.chaos.stage import play_rounds
from tests.lab import Lab


def main() -> int:
    """Return 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--only", type=int, action="append", help="play just this round")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)  # noqa: T201 - this is its purpose
    numbers = options.only or range(1, options.rounds + 1)
    with Lab.create() as lab:
        played = play_rounds(
            lab,
            [draw(options.seed, number) for number in numbers],
            lambda evidence: print(account(evidence), flush=True),  # noqa: T201
        )
    print(f"\n{summary(played)}\nseed {options.seed}")  # noqa: T201
    return 1 if any(map(violations, played)) else 0


if __name__ == "__main__":
    sys.exit(main())
