"""Random calls and kills around one session of the keeper alone, and a judge of its answers.

A round starts one command under dash, busybox or bash. Meanwhile it is started again, polled and
aborted, and the starts, the supervisor, its timers, its spools and the command itself are killed.
The command may not run twice, a final answer never changes, and every answer says what is so.

    python -m tests.chaos.keeper --rounds 1000 --seed 1
"""

from tests.chaos.keeper.judge import Answer, Evidence, violations
from tests.chaos.keeper.plan import Plan, draw

__all__ = ["Answer", "Evidence", "Plan", "draw", "violations"]
