"""Calls on the transport that costs nothing."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from benchmarks.caller import ROOT, Caller
from benchmarks.inventories import FREE_PLUGINS, write_free
from benchmarks.timing import Run
from benchmarks.usage import resident_cpu

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.fleet import Fleet

__all__ = ["FORKS", "free_caller", "plain_play", "raw_play", "with_residents"]

FORKS = 200
_PLAYBOOKS = ROOT / "playbooks"


def free_caller(fleet: Fleet, hosts: int) -> Caller:
    """Somebody whose inventory has so many hosts that cost nothing."""
    inventory = fleet.root / f"free-{hosts}.yml"
    write_free(inventory, hosts)
    caller = Caller(fleet, inventory)
    caller.environment["ANSIBLE_CONNECTION_PLUGINS"] = FREE_PLUGINS
    return caller


def plain_play(caller: Caller) -> list[str]:
    """Our play by ansible-playbook, with the inventory that dx-dispatch gives it."""
    variables = json.dumps({"dx_command": "echo hi"})
    groups = str(_PLAYBOOKS / "groups" / "zz-groups.yml")
    return [*_playbook(caller, "-i", groups, "-e", variables), str(_PLAYBOOKS / "run-command.yml")]


def raw_play(caller: Caller) -> list[str]:
    """The shortest play there is: one task that is raw."""
    return [*_playbook(caller), str(ROOT / "benchmarks" / "raw-play.yml")]


def _playbook(caller: Caller, *more: str) -> list[str]:
    inventory = caller.environment["DX_INVENTORY"]
    return ["ansible-playbook", "-f", str(FORKS), "-i", inventory, *more]


def with_residents(home: Path, call: Callable[[], Run]) -> Run:
    """Make a call, and count what the engines and live connections spend on it as well."""
    before = resident_cpu(home)
    done = call()
    time.sleep(0.1)  # the engine has yet to see that its fork has ended
    more = resident_cpu(home) - before
    return Run(seconds=done.seconds, cpu=done.cpu + more, out=done.out, err=done.err)
