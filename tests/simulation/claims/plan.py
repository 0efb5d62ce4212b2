"""Makes plans of sessions that race for one claim.

``clients`` are sessions: ``at``, ``lease``, ``branch``, ``clock`` (seconds its machine is ahead),
and ``steps``: turns and finalizes, each after a ``pause``; ``killed`` after some seconds, with
``whole`` false only the script itself. ``faults``: ``call`` (the number of the call to the remote,
of the push, or of the push of a branch), ``net``, ``lock``, ``refuses``, ``disk`` (from, to), and
``freeze``, at a session's call of git. ``atomic`` false: the remote takes no two refs together.
``fork``: branches go to a fork.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

__all__ = ["make_claims"]

Plan = dict[str, Any]
_HOW = ("lost_before", "lost_after", "lost_after", "lost_after", "late", "slow")

_RARE = {"call": 0.12, "push": 0.4, "publish": 1.5}
"""What a call's number counts, and how near to the first one it is."""


def make_claims(random: Random, plan: Plan) -> None:
    """Put sessions in the place of the plan's clients."""
    for name in ("stored", "slow"):
        plan.pop(name, None)
    plan |= {"play": "claims", "commands": [], "faults": [], "clients": []}
    shared = random.random() < 0.3
    lease = random.choice((1.0, 20.0, 20.0, 60.0, 14400.0))
    for number in range(1, random.choice((1, 1, 2, 2, 3, 3, 5, 8)) + 1):
        plan["clients"].append(_session(random, number, lease, shared=shared))
    if random.random() < 0.15:
        for each in plan["clients"]:
            each["clock"] = float(random.choice((-300, -5, 0, 5, 300)))
    if random.random() < 0.25:
        plan["atomic"] = False
    if random.random() < 0.2:
        plan["fork"] = True
    if random.random() < 0.03:
        plan["foreign"] = True
    for _ in range(random.choice((0, 1, 1, 2, 3))):
        plan["faults"].append(_fault(random, plan, lease))


def _session(random: Random, number: int, lease: float, *, shared: bool) -> Plan:
    steps = []
    for _ in range(random.choice((1, 1, 2))):
        steps.append(_turn(random, lease))
        if random.random() < 0.75:
            steps.append(_finalize(random))
            if random.random() < 0.3:
                steps.append(_finalize(random))
    return {
        "at": round(random.choice((0.0, 0.2, 5.0, 2 * min(lease, 60.0))) * random.random(), 3),
        "lease": lease, "branch": "dx/bd-1" if shared else f"worker-{number}", "steps": steps,
    }  # fmt: skip


def _turn(random: Random, lease: float) -> Plan:
    longest = min(lease, 60.0)
    seconds = random.choice((0.0, 0.5, longest * random.uniform(0.2, 3)))
    step: Plan = {"kind": "turn", "seconds": round(seconds, 3), "pause": _pause(random, longest)}
    if random.random() < 0.15:
        step["killed"] = round(random.choice((0.5, 1.5, longest)) * random.uniform(0.1, 1.5), 3)
        step["whole"] = random.random() < 0.6
    return step


def _finalize(random: Random) -> Plan:
    step: Plan = {"kind": "finalize", "pause": _pause(random, 20.0)}
    if random.random() < 0.15:
        step |= {"killed": round(1.2 * random.random(), 3), "whole": True}
    return step


def _pause(random: Random, longest: float) -> float:
    return round(random.choice((0.0, 0.0, 0.5, longest, 2 * longest)) * random.random(), 3)


def _fault(random: Random, plan: Plan, lease: float) -> Plan:
    begin = round(random.choice((0.0, 1.0, 60.0)) * random.random(), 3)
    window = {"from": begin, "to": round(begin + random.choice((0.3, 2.0, 30.0, 300.0)), 3)}
    client = random.randrange(len(plan["clients"])) + 1
    match random.choice(("call", "call", "call", "freeze", "freeze", "net", "lock", "refuses",
                         "disk")):  # fmt: skip
        case "call":
            of = random.choice(tuple(_RARE))
            return {
                "kind": "call", "of": of, "call": min(int(random.expovariate(_RARE[of])), 60),
                "how": random.choice(_HOW), "late": round(lease * 2 * random.random(), 3),
                "after": round(random.choice((0.1, 2.0, 15.0)) * random.random(), 3),
            }  # fmt: skip
        case "freeze":
            steps = len(plan["clients"][client - 1]["steps"])
            return {
                "kind": "freeze", "client": client, "step": random.randrange(steps) + 1,
                "git": random.randrange(14) + 1,
                "seconds": round(min(lease, 60.0) * random.uniform(0.2, 4), 3),
            }  # fmt: skip
        case "net":
            return {"kind": "net", **window, "client": client}
        case "disk":
            return {"kind": "disk", **window, "client": client}
        case kind:
            return {"kind": kind, **window}
