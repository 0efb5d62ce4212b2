"""Calls on the transport that costs nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks.caller import ROOT, Caller
from benchmarks.inventories import FREE_PLUGINS, write_free

if TYPE_CHECKING:
    from benchmarks.fleet import Fleet

__all__ = ["FORKS", "WARM_UP", "free_caller", "plain_play", "raw_play"]

FORKS = 200
WARM_UP = ("h1", "--exec", "echo hi", "-q")
"""A call that brings up the engines; one host is enough, as no connection has to live."""
_PLAYBOOKS = ROOT / "playbooks"


def free_caller(fleet: Fleet, hosts: int) -> Caller:
    """Somebody whose inventory has so many hosts that cost nothing."""
    inventory = fleet.root / f"free-{hosts}.yml"
    write_free(inventory, hosts)
    caller = Caller(fleet, inventory, connections=False)
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
