"""Rounds by hand: `python -m tests.chaos.keeper --rounds 1000 --seed 1`, `--only 17` for one."""

from __future__ import annotations

import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.chaos.keeper.judge import violations
from tests.chaos.keeper.plan import draw
from tests.chaos.keeper.stage import play
from tests.chaos.options import options_of


def main() -> int:
    """Return 1 if a promise was broken."""
    options = options_of("tests.chaos.keeper", __doc__, rounds=1000, jobs=3)
    broken, ends = 0, Counter[str]()
    with ThreadPoolExecutor(options.jobs) as pool:
        for evidence in pool.map(lambda number: play(draw(options.seed, number)), options.numbers):
            plan, found = evidence.plan, violations(evidence)
            broken += bool(found)
            ends[evidence.answers[-1].state] += 1
            told = ", ".join(map(str, evidence.answers))
            accidents = " + ".join(plan.accidents)
            line = f"round {plan.number} {plan.shell}: {accidents}; {told}; lines {evidence.lines}"
            print("\n".join([line, *(f"  VIOLATION {words}" for words in found)]), flush=True)  # noqa: T201
    told = ", ".join(f"{state} {count}" for state, count in ends.most_common())
    print(f"\n{sum(ends.values())} rounds, {broken} with a violation; in the end {told}")  # noqa: T201
    print(f"seed {options.seed}")  # noqa: T201
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
