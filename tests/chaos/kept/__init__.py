"""Runs of 50 hosts whose own processes are killed at random moments, and a judge of each host.

Every round sends one command to all hosts: through an engine, whose processes are killed, or cold,
where `ansible-playbook` or its worker is. Whatever is killed, no host runs the command twice, a
success has every byte, and a host with which contact was lost is seen through by its id.

    python -m tests.chaos.kept --rounds 200 --seed 1
"""

from tests.chaos.kept.judge import Evidence, Told, violations
from tests.chaos.kept.plan import Plan, draw

__all__ = ["Evidence", "Plan", "Told", "draw", "violations"]
