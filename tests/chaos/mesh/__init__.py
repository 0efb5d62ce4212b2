"""Runs of 60 hosts over three execution nodes, one of which is killed at a random moment.

Whatever is killed, no host runs the command twice, each is told as it was, and no receptor keeps a
unit. The plans and the judge of the hosts are those of `tests.chaos.kept`.

    python -m tests.chaos.mesh --rounds 100 --seed 1
"""

from tests.chaos.mesh.stage import Accident, Round, Stage, draw, violations

__all__ = ["Accident", "Round", "Stage", "draw", "violations"]
