"""Makes plans from seeds. A plan is data, so that it can be stored, replayed and made shorter.

``commands``: behaviours of commands: ``seconds``, ``code``, ``out`` and ``err`` (parts of the time,
and bytes), ``left`` (seconds that a process it leaves behind lives), ``term`` (what it does on
TERM), ``stray`` (whether what it leaves behind has slipped away).
``clients``: what each does, and when. ``faults``: what goes wrong, and when. ``caller``: the
options of a call of the package, when (seconds) Ctrl-C, a cancel, or a kill of Ansible or of the
call (``dies``) ends its play, whether it is run again, and the nodes it goes through. ``hosts``:
a plan of each, for a call on several.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from tests.simulation.claims.plan import make_claims
from tests.simulation.plan_turns import make_turns

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PROFILES", "make_plan"]

Plan = dict[str, Any]
_CALL_FAULTS = (
    "lost_before", "lost_after", "late", "silent", "cut", "cut", "noise", "garbled", "twice",
    "cut_input", "nologin", "slow",
)  # fmt: skip
_WINDOWS = ("refused", "dns", "off", "lost", "login", "host_key", "silent")
_STEPS = {
    "start": ("begin", "stage", "announce", "publish", "launch", "claim", "began"),
    "supervise": (
        "take", "supervisor", "run", "leader", "forget", "end", "ended", "sleeper", "awake",
    ),
    "abort": ("begin", "stage", "publish", "settle", "end", "amend"),
    "poll": ("begin",),
}  # fmt: skip


def make_plan(seed: int, profile: str) -> Plan:
    """Make the plan of a seed."""
    random = Random(seed * 64 + list(PROFILES).index(profile))  # noqa: S311 - a seed is the point
    plan = _basis(random, seed, profile)
    PROFILES[profile](random, plan)
    return plan


def _basis(random: Random, seed: int, profile: str) -> Plan:
    plan: Plan = {"seed": seed, "profile": profile, "commands": [], "clients": [], "faults": []}
    for _ in range(random.choice((1, 1, 2))):
        plan["commands"].append(_command(random))
    if random.random() < 0.2:
        plan["stored"] = False
    if random.random() < 0.15:
        plan["slow"] = random.choice((30, 300))
    _add_run(random, plan, "a", 0.0)
    for _ in range(random.choice((0, 0, 1, 1, 2))):
        _add_client(random, plan)
    return plan


def _command(random: Random) -> Plan:
    command: Plan = {
        "seconds": random.choice((0.0, 0.02, 0.5, 2.0, 2.0, 5.0, 12.0, 40.0)),
        "code": random.choice((0, 0, 0, 1, 3, 137, 255)),
    }
    if random.random() < 0.6:
        size = random.choice((3, 200, 200, 9000, 70_000))
        parts = random.choice((1, 1, 2, 4))
        command["out"] = [[round(random.random(), 3), size] for _ in range(parts)]
    if random.random() < 0.2:
        command["err"] = [[round(random.random(), 3), 50]]
    if random.random() < 0.15:
        command["left"] = random.choice((1.0, 30.0, 1000.0))
        command["stray"] = random.random() < 0.3
    if random.random() < 0.3:
        command["term"] = random.choice(("ignores", "stays"))
    return command


def _add_run(random: Random, plan: Plan, name: str, at: float, **more: object) -> Plan:
    number = len(plan["clients"]) + 1
    run: Plan = {
        "kind": "run", "at": at, "name": name, "command": random.randrange(len(plan["commands"])),
        "token": f"t{number}", "stream": random.random() < 0.6,
        "timeout": random.choice((0.0, 1.0, 4.0, 60.0, 60.0, 60.0)),
        "retries": random.choice((0, 1, 1, 1, 3)), "preflight": random.random() < 0.5, **more,
    }  # fmt: skip
    if random.random() < 0.1:
        run["output_limit"] = 32_768
    if random.random() < 0.15:
        run["hosts"] = 40
    plan["clients"].append(run)
    return run


def _add_client(random: Random, plan: Plan) -> None:
    at = round(random.choice((0.0, 0.01, 0.1, 1.0, 5.0, 30.0)) * random.uniform(0.3, 2), 3)
    kind = random.choice(("run", "run", "stop", "stop", "stop", "follow", "list"))
    if kind == "run":
        _add_run(random, plan, "a", at)
        return
    client: Plan = {"kind": kind, "at": at, "name": "a", "preflight": random.random() < 0.3}
    if kind == "follow":
        client |= {"stream": random.random() < 0.6, "retries": random.choice((0, 1, 1))}
    if kind == "stop" and random.random() < 0.5:
        client["command"] = random.randrange(len(plan["commands"]))
    plan["clients"].append(client)


def _add_again(random: Random, plan: Plan) -> None:
    """Kill the first run, and have another one go on in its place."""
    first = plan["clients"][0]
    first["killed"] = round(random.choice((0.01, 0.05, 0.2, 1.0, 6.0)) * random.uniform(0.3, 2), 3)
    again = {**first, "at": round(first["killed"] + random.choice((0.0, 2.0, 20.0)), 3), "again": 1}
    del again["killed"]
    if random.random() < 0.2:
        again["machine"] = 1
    plan["clients"].append(again)


def _calm(random: Random, plan: Plan) -> None:
    del random, plan


def _add_network(random: Random, plan: Plan) -> None:
    for _ in range(random.choice((1, 1, 2, 3))):
        fault: Plan = {"kind": "call", "call": min(int(random.expovariate(0.4)), 12)}
        fault["how"] = random.choice(_CALL_FAULTS)
        fault["after"] = round(random.choice((0.05, 0.3, 1.0, 4.0, 20.0)) * random.random(), 3)
        fault["late"] = round(random.choice((0.5, 3.0, 6.0, 18.0)) * random.random(), 3)
        fault["part"] = round(random.random(), 3)
        fault["code"] = random.choice((-9, -15, 0, 1, 137))
        plan["faults"].append(fault)
    if random.random() < 0.3:
        begin = round(random.choice((0.0, 0.5, 4.0)) * random.random(), 3)
        end = round(begin + random.choice((0.5, 3.0, 15.0, 100.0)), 3)
        window: Plan = {"kind": "net", "from": begin, "to": end, "how": random.choice(_WINDOWS)}
        if random.random() < 0.5:
            window["client"] = random.randrange(len(plan["clients"])) + 1
        plan["faults"].append(window)
    if random.random() < 0.3:
        _add_again(random, plan)


def _add_vm(random: Random, plan: Plan) -> None:
    for _ in range(random.choice((1, 1, 2))):
        at = round(random.choice((0.02, 0.1, 0.5, 3.0, 10.0)) * random.uniform(0.2, 2), 4)
        what = random.choice(
            ("kill_step",) * 6 + ("kill", "kill", "end_all", "reboot", "np", "disk")
        )
        match what:
            case "kill_step":
                process = random.choice(("start", "supervise", "supervise", "abort", "poll"))
                fault: Plan = {
                    "kind": what, "process": process, "step": random.choice(_STEPS[process]),
                    "when": random.choice(("before", "after")), "nth": random.choice((1, 1, 1, 2)),
                }  # fmt: skip
            case "kill":
                whats = ("supervisor", "supervisor", "keeper", "command")
                fault = {"kind": what, "at": at, "what": random.choice(whats)}
            case "end_all":
                fault = {"kind": what, "at": at}
            case "reboot":
                fault = {
                    "kind": what, "at": at, "grace": random.choice((0.0, 0.0, 0.5, 5.0)),
                    "off": random.choice((0.5, 10.0, 50.0)),
                }  # fmt: skip
            case "np":
                fault = {"kind": "no_processes", "from": at * 0.3, "to": round(at * 0.3 + 3, 3)}
            case _:
                fault = {"kind": "disk", "from": at * 0.3, "to": round(at * 0.3 + 12, 3)}
                plan["greedy"] = random.random() < 0.3
        plan["faults"].append(fault)


def _add_waits(random: Random, plan: Plan) -> None:
    for client in plan["clients"]:
        if client["kind"] == "run" and random.random() < 0.7:
            client["when_back"] = random.choice((5.0, 60.0, 4000.0))
        if client["kind"] == "run" and random.random() < 0.3:
            client["start_in"] = random.choice((1.0, 5.0, 100.0))
    how = random.choice(("refused", "dns", "off", "lost", "login"))
    end = random.choice((2.0, 40.0, 500.0))
    plan["faults"].append({"kind": "net", "from": 0.0, "to": end, "how": how})
    if random.random() < 0.5:
        _add_network(random, plan)
    if random.random() < 0.3:
        _add_vm(random, plan)


def _add_both(random: Random, plan: Plan) -> None:
    _add_network(random, plan)
    _add_vm(random, plan)


def _add_power(random: Random, plan: Plan) -> None:
    at = round(random.choice((0.1, 1.0, 4.0, 12.0)) * random.uniform(0.2, 2), 3)
    plan["faults"].append({
        "kind": "power", "at": at, "off": random.choice((0.3, 5.0, 60.0)),
        "lag": random.choice((0.0, 0.05, 1.0, 30.0, 1000.0)),
    })  # fmt: skip
    if random.random() < 0.3:
        plan["uptime"] = random.choice((1.0, 30.0, 100.0))
    if random.random() < 0.7:
        _add_network(random, plan)


def _add_clock(random: Random, plan: Plan) -> None:
    for _ in range(random.choice((1, 2))):
        plan["faults"].append({
            "kind": "clock", "at": round(random.uniform(0, 8), 3),
            "by": random.choice((-86400.0, -30.0, 30.0, 86400.0)),
            "whose": random.choice(("vm", "client")),
        })  # fmt: skip
    _add_waits(random, plan)


def _add_clean(random: Random, plan: Plan) -> None:
    later = random.choice((2, 9)) * 86400.0
    plan["faults"].append({"kind": "clean", "at": later})
    _add_client(random, plan)
    plan["clients"][-1]["at"] = later + 5.0
    if random.random() < 0.5:
        _add_network(random, plan)


def _add_caller(random: Random, plan: Plan) -> None:
    """Put a whole call of the package in the place of the first client."""
    random.choice((_calm, _add_network, _add_vm, _add_both, _add_power))(random, plan)
    plan["clients"] = [
        {key: value for key, value in each.items() if key != "command"}
        for each in plan["clients"][1:]
        if each["kind"] != "run"
    ]
    for fault in plan["faults"]:
        fault.pop("client", None)
    caller: Plan = {
        "timeout": random.choice((1.0, 4.0, 60.0)), "retries": random.choice((0, 1, 1, 3)),
        "preflight": random.random() < 0.5, "rerun": random.random() < 0.6,
        "lag": random.choice((0.0, 0.0, 0.1, 2.0)),
    }  # fmt: skip
    ends = ((), ("ctrl_c",), ("ctrl_c",), ("cancel",), ("killed",), ("killed", "ctrl_c"))
    for word in random.choice(ends):
        moment = random.choice((0.02, 0.2, 2.0, 8.0)) * random.uniform(0.2, 2)
        caller[word] = round(moment, 4)
    plan["caller"] = caller


def _add_waiting_caller(random: Random, plan: Plan) -> None:
    """Have a whole call of the package wait for its host, and note what it sends."""
    _add_caller(random, plan)
    caller = plan["caller"]
    caller["when_back"] = random.choice((5.0, 60.0, 4000.0))
    end = random.choice((0.3, 2.0, 40.0, 500.0))
    how = random.choice(("refused", "dns", "off", "lost", "login"))
    plan["faults"].append({"kind": "net", "from": 0.0, "to": end, "how": how})
    for word in ("ctrl_c", "cancel", "killed"):
        if word in caller and random.random() < 0.6:
            caller[word] = round(end * random.uniform(0.2, 2), 4)


def _add_nodes(random: Random, plan: Plan) -> None:
    """Have the package reach its host through nodes, which are lost."""
    _add_caller(random, plan)
    caller = plan["caller"]
    caller["nodes"] = []
    for _ in range(random.choice((1, 2, 2))):
        node: Plan = {"started": random.random() < 0.8}
        if random.random() < 0.8:
            lost = random.choice((0.02, 0.2, 2.0, 8.0, 40.0)) * random.uniform(0.2, 2)
            node |= {"lost": round(lost, 4), "lives": random.random() < 0.7}
        caller["nodes"].append(node)
    for word in ("killed", "cancel"):
        if random.random() < 0.7:
            caller.pop(word, None)


def _add_rollout(random: Random, plan: Plan) -> None:
    """Have a call of the package run a command on several hosts, in batches, and again."""
    hosts: dict[str, Plan] = {}
    for name in ("web1", "web2", "web3", "web4")[: random.choice((2, 2, 3, 4))]:
        each = hosts[name] = _basis(random, plan["seed"] * 4 + len(hosts), plan["profile"])
        _add_caller(random, each)
        for word in ("caller", "seed", "profile"):
            del each[word]
    caller: Plan = {
        "timeout": random.choice((1.0, 4.0, 60.0)), "retries": random.choice((0, 1, 1, 3)),
        "preflight": random.random() < 0.5, "lag": random.choice((0.0, 0.0, 0.1, 2.0)),
        "serial": random.choice(([], ["1"], ["1"], ["2"], ["1", "100%"], ["50%"])),
        "max_fail": random.choice((None, None, 0, 0, 1)),
        "again": [
            [random.choice(("failed", "failed", "all", "unreachable", "timeout")), pause]
            for pause in random.choices((0.0, 3.0, 40.0, 4000.0), k=random.choice((0, 1, 1, 2)))
        ],
    }  # fmt: skip
    for word in random.choice(
        ((), (), ("ctrl_c",), ("cancel",), ("killed",), ("dies",), ("dies",))
    ):
        moment = random.choice((0.02, 0.2, 2.0, 8.0, 40.0)) * random.uniform(0.2, 2)
        caller[word] = round(moment, 4)
    plan.update(play="rollouts", caller=caller, hosts=hosts, clients=[], commands=[])


def _add_turns(random: Random, plan: Plan) -> None:
    """Put an agent's session in the place of the commands."""
    make_turns(random, plan)
    added = (_calm, _add_network, _add_network, _add_vm, _add_both, _add_power, _add_clock)
    random.choice(added)(random, plan)


PROFILES: dict[str, Callable[[Random, Plan], None]] = {
    "calm": _calm,
    "network": _add_network,
    "vm": _add_vm,
    "both": _add_both,
    "wait": _add_waits,
    "power": _add_power,
    "clock": _add_clock,
    "clean": _add_clean,
    "calls": _add_caller,
    "waiting_calls": _add_waiting_caller,
    "nodes": _add_nodes,
    "rollouts": _add_rollout,
    "turns": _add_turns,
    "claims": make_claims,
}
"""By name: what a profile adds to a plan. Power, clock and clean break documented limits."""
