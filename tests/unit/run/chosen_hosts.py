"""The hosts of patterns, as Ansible's inventory and a piece of an engine have them, for a process.

Ansible's loader of collections changes how all of a process imports, so it gets one of its own.
Standard input has a JSON list of ``{"sources", "groups", "patterns"}``; the output has a list of
``{"theirs", "ours"}`` with the hosts of each pattern.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultSecret
from ansible.plugins.loader import init_plugin_loader
from ansible_collections.dxansible.fleet.plugins.action.serve import _Calls

from tests.unit.run.inventory_kinds import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable


def _manager(sources: list[str]) -> InventoryManager:
    loader = DataLoader()
    loader.set_vault_secrets([("default", VaultSecret(PASSWORD.encode()))])
    return InventoryManager(loader=loader, sources=sources)


def _chosen_by_ansible(inventory: InventoryManager, pattern: str) -> list[str]:
    """What ``ansible PATTERN --list-hosts`` prints."""
    return [host.name for host in inventory.list_hosts(pattern)]


def _chosen_by_an_engine(inventory: InventoryManager) -> _Calls:
    """The piece of an engine that finds the hosts of a call."""
    nothing: Any = SimpleNamespace()  # only starting a call needs the action
    return _Calls(nothing, {"hostvars": SimpleNamespace(_inventory=inventory)})


def _hosts_or_error(choose: Callable[[], list[str]]) -> list[str]:
    try:
        return sorted(choose())
    except AnsibleError as error:  # there is no tenth host, say
        return [f"error: {error}"]


def _answer(sources: list[str], groups: str, patterns: list[str]) -> dict[str, list[list[str]]]:
    plain = _manager(sources)
    engine = _chosen_by_an_engine(_manager([*sources, groups]))
    return {
        "theirs": [_hosts_or_error(partial(_chosen_by_ansible, plain, each)) for each in patterns],
        "ours": [_hosts_or_error(partial(engine._hosts, each)) for each in patterns],
    }


if __name__ == "__main__":
    init_plugin_loader([])
    json.dump([_answer(**question) for question in json.load(sys.stdin)], sys.stdout)
