"""Rounds by hand: `python -m tests.chaos.kept --rounds 200 --seed 1`, `--only 17` for one again."""

from __future__ import annotations

import sys

from tests.chaos.kept.judge import violations
from tests.chaos.kept.plan import draw
from tests.chaos.kept.report import account, summary
from tests.chaos.kept.stage import Stage
from tests.chaos.options import options_of


def main() -> int:
    """Return 1 if a promise was broken."""
    options = options_of("tests.chaos.kept", __doc__, rounds=200, hosts=50)
    played, broken = [], 0
    with Stage.open(options.hosts) as stage:
        for plan in (draw(options.seed, number) for number in options.numbers):
            evidence = stage.play(plan)
            played.append(evidence)
            broken += bool(violations(evidence))
            print(account(evidence), flush=True)  # noqa: T201
        late = [each.plan for each in played if max(stage.ran(each.plan).values()) > 1]
    print(f"\n{summary(played)}")  # noqa: T201
    for plan in late:  # a start that was under way when its round was over
        print(f"round {plan.number}: in the end a host has run it more than once")  # noqa: T201
    print(f"seed {options.seed}")  # noqa: T201
    return 1 if broken or late else 0


if __name__ == "__main__":
    sys.exit(main())
