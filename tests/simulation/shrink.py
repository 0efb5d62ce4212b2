"""Makes a plan shorter that shows a failure, as long as it shows one of the same kind."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dxansible.states import StateWarning
from tests.simulation.calls import play_call
from tests.simulation.claims.judge import judge_claims
from tests.simulation.client import HOST
from tests.simulation.history import History
from tests.simulation.judge import judge
from tests.simulation.judge_calls import judge_calls, verdict_of_call
from tests.simulation.judge_rollouts import judge_rollouts
from tests.simulation.judge_turns import judge_turns

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["STORED", "failures_of", "kind_of", "known_kinds", "shrink"]

Plan = dict[str, Any]
_MOST_TRIES = 400
STORED: dict[str, Any] = {
    path.stem: json.loads(path.read_text())
    for path in sorted((Path(__file__).parent / "plans").glob("*.json"))
}
_PLAYS: Mapping[str, Callable[[Mapping[str, Any], Counter[str] | None], list[str]]] = {
    "claims": lambda plan, _told: judge_claims(plan),
    "rollouts": judge_rollouts,
}
"""By a plan's ``play``: what plays and judges it, where that is not a history of one host."""
"""Plans of former failures. One with ``known`` still fails, with ``failure``."""


def failures_of(plan: Mapping[str, Any], told: Counter[str] | None = None) -> list[str]:
    """Play a plan and return what is wrong with its history; a crash is wrong, too.

    ``told`` counts the verdicts of whole calls.
    """
    try:
        if "play" in plan:
            with warnings.catch_warnings():
                warnings.filterwarnings("error", r"\w+: ", StateWarning)
                return _PLAYS[plan["play"]](plan, told)
        if "caller" in plan:
            with warnings.catch_warnings():
                warnings.filterwarnings("error", f"{HOST}: ", StateWarning)
                history, calls = play_call(plan)
            if told is not None:
                told.update(f"call {verdict_of_call(each)}" for each in calls)
            return judge_calls(history, calls)
        if "turns" in plan:
            return judge_turns(History(plan).play())
        return judge(History(plan).play())
    except StateWarning as error:
        return [f"a move that no table has: {error}"]
    except Exception as error:  # noqa: BLE001 - a defect of the simulation, to be shown as well
        return [f"the simulation failed: {error!r}"]


def kind_of(failure: str) -> str:
    """Return a failure without its numbers."""
    return re.sub(r"[0-9.]+", "N", failure)


def known_kinds(profile: str) -> set[str]:
    """Return the kinds of failures that the product is known to have in a profile."""
    return {
        kind_of(each["failure"])
        for each in STORED.values()
        if "known" in each and each["plan"]["profile"] == profile
    }


def shrink(plan: Plan, play: Callable[[Plan], list[str]] = failures_of) -> Plan:
    """Return the shortest plan that is found with a failure of the same kind.

    ``play`` returns the failures of a plan.
    """
    wanted = {kind_of(each) for each in play(plan)}
    tries, found = 0, True
    while found and tries < _MOST_TRIES:
        found = False
        for shorter in _shorter(plan):
            tries += 1
            if wanted & {kind_of(each) for each in play(shorter)}:
                plan, found = shorter, True
                break
    return plan


def _shorter(plan: Plan) -> Iterator[Plan]:  # noqa: C901 - a case for each kind of item
    for list_name in ("faults", "clients"):
        for number in range(len(plan[list_name])):
            left = plan[list_name][:number] + plan[list_name][number + 1 :]
            if left or list_name == "faults" or "caller" in plan:
                yield from _sound({**plan, list_name: left}, number + 1, list_name)
    for host, each in plan.get("hosts", {}).items():
        yield from _shorter_on(plan, host, each)
    for word in (
        "ctrl_c",
        "cancel",
        "killed",
        "dies",
        "rerun",
        "lag",
        "preflight",
        "when_back",
        "nodes",
    ):
        if word in plan.get("caller", {}):
            less = {key: value for key, value in plan["caller"].items() if key != word}
            yield {**plan, "caller": less}
    for name in ("slow", "stored", "greedy", "uptime"):
        if name in plan:
            yield {key: value for key, value in plan.items() if key != name}
    for list_name in ("commands", "clients", *(("turns",) if "turns" in plan else ())):
        for number, each in enumerate(plan[list_name]):
            for name in sorted(_OPTIONAL & each.keys()):
                less = {key: value for key, value in each.items() if key != name}
                yield {**plan, list_name: _with(plan[list_name], number, less)}


def _shorter_on(plan: Plan, host: str, each: Plan) -> Iterator[Plan]:
    """Yield the plan without a host, or with less on it."""
    if len(plan["hosts"]) > 1:
        yield {**plan, "hosts": {name: one for name, one in plan["hosts"].items() if name != host}}
    for shorter in _shorter({**each, "caller": {}}):
        less = {name: value for name, value in shorter.items() if name != "caller"}
        yield {**plan, "hosts": {**plan["hosts"], host: less}}


_OPTIONAL = {
    "out", "err", "left", "stray", "term", "hosts", "output_limit", "machine", "when_back",
    "start_in", "stream", "preflight", "retries", "idle", "queue", "wait", "verify", "claims",
    "on_limit", "max_cost", "turn",
}  # fmt: skip


def _with(items: list[Plan], number: int, item: Plan) -> list[Plan]:
    return [*items[:number], item, *items[number + 1 :]]


def _sound(plan: Plan, removed: int, list_name: str) -> Iterator[Plan]:
    """Yield the plan, unless a client without which another has no meaning was removed."""
    if list_name == "clients":
        clients = []
        for each in plan["clients"]:
            again = each.get("again", 0)
            if again == removed:
                return
            clients.append({**each, "again": again - 1} if again > removed else each)
        plan = {**plan, "clients": clients}
    yield plan
