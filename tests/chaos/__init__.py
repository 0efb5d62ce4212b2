"""Random accidents while commands are started, and a judge of what was told about them.

A round sends one command, which appends a line to a file of its own, under one run id.  Meanwhile
connections are cut, clients are killed and sent again, and others race them.  Whatever happens, the
line may not be there twice, and nobody may be told anything that isn't so.

    python -m tests.chaos --rounds 1000 --seed 1
"""

from tests.chaos.judge import Evidence, Told, violations
from tests.chaos.plan import Plan, draw
from tests.chaos.stage import play_rounds

__all__ = ["Evidence", "Plan", "Told", "draw", "play_rounds", "violations"]
