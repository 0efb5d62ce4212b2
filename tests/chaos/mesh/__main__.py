"""Rounds by hand: `python -m tests.chaos.mesh --rounds 100 --seed 1`, `--only 17` for one again."""

from __future__ import annotations

import sys
from collections import Counter

from tests.chaos.mesh.stage import Round, Stage, draw, violations
from tests.chaos.options import options_of

_MOST = 5


def main() -> int:
    """Return 1 if a promise was broken."""
    options = options_of("tests.chaos.mesh", __doc__, rounds=100, hosts=60)
    played: list[Round] = []
    with Stage.open(options.hosts) as stage:
        for number in options.numbers:
            played.append(stage.play(draw(options.seed, number)))
            print(_account(played[-1]), flush=True)  # noqa: T201
        units = stage.units_in_the_end()
        plans = [each.accident.plan for each in played]
        late = [plan.number for plan in plans if max(stage.ran(plan).values()) > 1]
    broken = sum(bool(violations(each)) for each in played)
    hosts = [told for each in played for told in each.evidence.told.values()]
    print(  # noqa: T201
        f"\n{len(played)} rounds, {len(hosts)} ends of hosts: "
        f"{sum(each.succeeded for each in hosts)} success, "
        f"{sum(each.lost for each in hosts)} lost; "
        f"{sum(each.moved for each in played)} parts handed on; "
        f"{broken} rounds with violations; run twice in the end: {late or 'none'}; "
        f"units left: {units or 'none'}"
    )
    print(f"seed {options.seed}")  # noqa: T201
    return 1 if broken or late or units else 0


def _account(played: Round) -> str:
    accident, broken = played.accident, violations(played)
    told = played.evidence.told.values()
    ends = Counter(each.reason or each.outcome for each in told)
    what = "work" if accident.work_alone else "node"
    way = "auto" if accident.auto else "dx_node"
    line = (
        f"round {accident.plan.number} {way}: {what} {accident.node} at {accident.moment}; "
        f"handed on {played.moved}; {dict(ends)}; ran {sum(played.evidence.ran.values())}; "
        f"{played.seconds:.0f} s"
    )
    return "\n".join([line, *(f"  VIOLATION {words}" for words in broken[:_MOST])])


if __name__ == "__main__":
    sys.exit(main())
