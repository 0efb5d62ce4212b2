"""A pattern means the same hosts as for ``ansible --list-hosts``, in every kind of inventory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultSecret
from ansible.plugins.loader import init_plugin_loader
from ansible_collections.dxansible.fleet.plugins.action.serve import _Calls

from dxansible.run.patterns import check_pattern
from dxansible.settings import Settings, content_dir
from tests.unit.run.inventory_kinds import KINDS, PASSWORD, PATTERNS, write

if TYPE_CHECKING:
    from collections.abc import Callable

init_plugin_loader([])


def manager(sources: list[Path]) -> InventoryManager:
    loader = DataLoader()
    loader.set_vault_secrets([("default", VaultSecret(PASSWORD.encode()))])
    return InventoryManager(loader=loader, sources=[str(each) for each in sources])


def chosen_by_ansible(inventory: InventoryManager, pattern: str) -> list[str]:
    """What ``ansible PATTERN --list-hosts`` prints."""
    return hosts_or_error(lambda: [host.name for host in inventory.list_hosts(pattern)])


def hosts_or_error(choose: Callable[[], list[str]]) -> list[str]:
    try:
        return sorted(choose())
    except AnsibleError as error:  # there is no tenth host, say
        return [f"error: {error}"]


def chosen_by_an_engine(inventory: InventoryManager) -> _Calls:
    """The piece of an engine that finds the hosts of a call."""
    nothing: Any = SimpleNamespace()  # only starting a call needs the action
    return _Calls(nothing, {"hostvars": SimpleNamespace(_inventory=inventory)})


@pytest.mark.parametrize("kind", KINDS)
def test_a_pattern_means_what_it_means_to_ansible(kind: str, tmp_path: Path) -> None:
    sources = write(kind, tmp_path)
    theirs = manager(sources)
    groups = content_dir("playbooks") / "groups" / "zz-groups.yml"
    ours = chosen_by_an_engine(manager([*sources, groups]))
    found = {}
    for pattern in PATTERNS:
        check_pattern(pattern)
        expected = chosen_by_ansible(theirs, pattern)
        found[pattern] = hosts_or_error(partial(ours._hosts, pattern))
        assert found[pattern] == expected, pattern

    assert len(PATTERNS) >= 100
    assert len(found["all"]) == 11
    assert len({tuple(hosts) for hosts in found.values()}) >= 30  # the patterns tell hosts apart


def test_every_kind_of_inventory_has_the_same_hosts(tmp_path: Path) -> None:
    found = {}
    for kind in KINDS:
        (tmp_path / kind).mkdir()
        inventory = manager(write(kind, tmp_path / kind))
        plain = [each for each in PATTERNS if "[" not in each]  # places depend on the order
        found[kind] = [chosen_by_ansible(inventory, pattern) for pattern in plain]

    assert all(each == found["yaml"] for each in found.values())


def test_an_alias_from_a_vault_is_a_name_too(tmp_path: Path) -> None:
    sources = write("vaulted", tmp_path)
    groups = content_dir("playbooks") / "groups" / "zz-groups.yml"
    ours = chosen_by_an_engine(manager([*sources, groups]))

    assert chosen_by_ansible(manager(sources), "hidden_name") == []
    assert ours._hosts("hidden_name") == ["web-01"]
    assert sorted(ours._hosts("staging:hidden_name:!*.org")) == ["web-01", "web-10"]


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        ("toml", "prod:!~.*b"),
        ("script", "all[2:6]:!10.0.0.*"),
        ("constructed", "web:&east:with_digits"),
        ("directory", "site:!web[0]"),
        ("vaulted", "any:cache:!10.0.0.5"),
    ],
)
def test_dx_dispatch_has_the_hosts_that_ansible_lists(
    kind: str, pattern: str, home: Path, tmp_path: Path
) -> None:
    sources = write(kind, tmp_path)
    password = home / "password"
    password.write_text(PASSWORD)
    source = sources[0] if len(sources) == 1 else tmp_path
    settings = Settings.load(source)
    environment = {**os.environ, "ANSIBLE_VAULT_PASSWORD_FILE": str(password), "COLUMNS": "200"}
    programs = Path(sys.executable).parent
    plain = pattern.removeprefix("any:")

    def printed(*command: str) -> str:
        done = subprocess.run(
            command, env=environment, cwd=home, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    listed = printed(
        str(programs / "ansible"), plain, "--list-hosts", "-i", str(settings.inventory[0])
    )
    shown = printed(
        str(programs / "dx-dispatch"), "-i", str(source), pattern, "--exec", "true", "--dry-run",
        "--json",
    )  # fmt: skip

    expected = [line.strip() for line in listed.splitlines()[1:]]
    assert expected
    assert sorted(each["host"] for each in json.loads(shown)["hosts"]) == sorted(expected)
