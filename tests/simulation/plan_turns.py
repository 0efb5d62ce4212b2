"""Plans of turns: two clients and more give prompts to one session at a time.

``turns``: how the agent acts on a prompt, by the prompt's number: ``ending`` (see `robot`),
``seconds``, ``resets`` (when its usage limit resets, 0 if it does not say), ``verify`` (the exit
code of its check), ``then`` (the same once more, after a usage limit), and ``term``, ``left`` and
``stray`` as of a command. ``missing``: a program that the VM does not have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.simulation.robot import ENDINGS

if TYPE_CHECKING:
    from random import Random

__all__ = ["make_turns"]

Plan = dict[str, Any]
_LIKELY = ("done", "done", "question", "limit", *ENDINGS)


def make_turns(random: Random, plan: Plan) -> None:
    """Replace a plan's commands and clients by turns and those who give them. Faults stay out."""
    plan |= {"commands": [], "clients": [], "turns": []}
    agent = random.choice(("robot", "robot", "named", "plain"))
    _add_turn(random, plan, 0.0, agent, mode="start")
    for _ in range(random.choice((0, 1, 1, 2, 2, 3))):
        at = round(random.choice((0.05, 1.0, 5.0, 30.0, 200.0)) * random.uniform(0.3, 2), 3)
        _add_client(random, plan, at, agent)
    if random.random() < 0.02:
        plan["missing"] = "robot"


def _behaviour(random: Random) -> Plan:
    turn: Plan = {"ending": random.choice(_LIKELY)}
    turn["seconds"] = random.choice((0.0, 0.1, 2.0, 2.0, 12.0, 40.0))
    if turn["ending"] == "limit":
        turn["resets"] = random.choice((0, 0.0, 5.0, 60.0, 3000.0, 900_000.0))
        turn["then"] = {"ending": random.choice(_LIKELY), "seconds": 2.0}
        if turn["then"]["ending"] == "limit":
            turn["then"]["resets"] = random.choice((0, 300.0, 900_000.0))
    if random.random() < 0.3:
        turn["verify"] = random.choice((0, 1))
    if random.random() < 0.15:
        turn["left"] = random.choice((1.0, 30.0, 1000.0))
        turn["stray"] = random.random() < 0.3
    if random.random() < 0.3:
        turn["term"] = random.choice(("ignores", "stays"))
    return turn


def _add_turn(random: Random, plan: Plan, at: float, agent: str, **more: object) -> None:
    number = len(plan["clients"]) + 1
    plan["turns"].append(_behaviour(random))
    client: Plan = {
        "kind": "turn", "at": at, "name": "a", "prompt": len(plan["turns"]) - 1,
        "token": f"t{number}", "retries": random.choice((0, 1, 1, 1, 3)),
        "timeout": random.choice((0.0, 1.0, 4.0, 60.0, 600.0, 600.0, 600.0)), "agent": agent,
        **more,
    }  # fmt: skip
    for name, likely, values in _CHOICES:
        if random.random() < likely:
            client[name] = random.choice(values)
    if agent == "plain":
        client.pop("max_cost", None)
        client.pop("on_limit", None)
    plan["clients"].append(client)


_CHOICES: tuple[tuple[str, float, tuple[Any, ...]], ...] = (
    ("idle", 0.25, (1.0, 3.0, 30.0)),
    ("queue", 0.5, (True,)),
    ("wait", 0.15, (False,)),
    ("verify", 0.3, (True,)),
    ("preflight", 0.5, (True,)),
    ("claims", 0.4, (True,)),
    ("on_limit", 0.4, ("wait",)),
    ("max_cost", 0.1, (4.0, 5.5, 100.0)),
    ("start_in", 0.08, (1.0, 5.0, 100.0)),
    ("when_back", 0.1, (5.0, 60.0, 4000.0)),
    ("hosts", 0.1, (40,)),
)


def _add_client(random: Random, plan: Plan, at: float, agent: str) -> None:
    match random.choice(("turn",) * 5 + ("stop_turn", "stop_turn", "follow_turn", "sessions")):
        case "turn":
            mode = "start" if random.random() < 0.07 else "resume"
            _add_turn(random, plan, at, agent, mode=mode)
        case "follow_turn":
            follow: Plan = {"kind": "follow_turn", "at": at, "name": "a"}
            follow["retries"] = random.choice((0, 1, 3))
            for name, likely, values in (
                ("turn", 0.2, (1, 2)), ("wait", 0.2, (False,)), ("claims", 0.3, (True,)),
            ):  # fmt: skip
                if random.random() < likely:
                    follow[name] = random.choice(values)
            plan["clients"].append(follow)
        case kind:
            plan["clients"].append({
                "kind": kind, "at": at, "name": "a", "claims": random.random() < 0.4,
            })  # fmt: skip
