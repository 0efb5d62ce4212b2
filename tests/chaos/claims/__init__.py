"""Many dispatchers of one issue at once, and workers that come back after they were replaced.

In a round up to two workers claim the issue and are frozen until their leases have passed. Then
dispatchers race for it, and the frozen workers go on at a random moment. In the end all who may
have the issue finalize at once. Whatever happens, there is one branch and one pull request.

    python -m tests.chaos.claims --rounds 200 --dispatchers 64 --seed 1

``--first 41`` goes on with round 41. Each dispatcher is a process; four users, as on machines of
their own, share them out, and each has an engine.
"""

from tests.chaos.claims.stage import Round, Stage, violations

__all__ = ["Round", "Stage", "violations"]
