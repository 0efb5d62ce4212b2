"""Which hosts a call is about: patterns, and inventories of all kinds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.integration.inventories import variables_of, write_hosts

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor
    from pathlib import Path

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Lab, Vm

PATTERNS = {
    "gpu": ["epyc6"],
    "mac": ["macmini"],
    "wsl,epyc": ["homedesktop-wsl", "epyc6"],
    "all:!macmini": ["homedesktop-wsl", "epyc6"],
    "all:&ios": ["macmini"],
    "*e*:!epyc6": ["homedesktop-wsl"],
    "epyc6,macmini": ["macmini", "epyc6"],
}


def test_groups_aliases_and_patterns_choose_hosts(
    user: Dispatcher, pool: ThreadPoolExecutor
) -> None:
    asked = {
        pattern: pool.submit(user.run, pattern, "--exec", "true", "--json") for pattern in PATTERNS
    }
    chosen = {
        pattern: [result["host"] for result in answer.result().document["results"]]
        for pattern, answer in asked.items()
    }
    assert chosen == PATTERNS


@pytest.mark.parametrize("pattern", ["epyc6,epic7", "epyc6:epic7", "all:!epic7"])
def test_a_pattern_with_an_unknown_name_is_refused_before_anything_runs(
    user: Dispatcher, epyc6: Vm, pattern: str
) -> None:
    (epyc6.home / "ran").unlink(missing_ok=True)
    answer = user.run(pattern, "--exec", "echo >>ran", "--json")
    assert answer.code == 2
    assert answer.document["error"]["type"] == "NoMatchError"
    assert "epic7" in answer.document["error"]["message"]
    assert "epyc6" in answer.document["error"]["remedy"]
    assert not (epyc6.home / "ran").exists()


def test_an_inventory_may_be_a_program(user: Dispatcher, lab: Lab, tmp_path: Path) -> None:
    vm = lab.vms["macmini"]
    script = tmp_path / "hosts.sh"
    document = {
        "lab": {"hosts": ["dynamic"]},
        "_meta": {"hostvars": {"dynamic": variables_of(vm)}},
    }
    script.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(document)}\nEND\n")
    script.chmod(0o755)
    answer = user.run("lab", "-i", str(script), "--exec", "echo hello", "--json")
    assert (answer.code, answer.result["host"], answer.result["stdout"]) == (
        0,
        "dynamic",
        "hello\n",
    )


def test_an_inventory_may_be_a_plugin(user: Dispatcher, lab: Lab, tmp_path: Path) -> None:
    write_hosts(tmp_path, {name: variables_of(vm) for name, vm in lab.vms.items()})
    (tmp_path / "zz-groups.yml").write_text(
        "plugin: ansible.builtin.constructed\ngroups:\n  short: inventory_hostname | length < 8\n"
    )
    answer = user.run("short", "-i", str(tmp_path), "--exec", "echo hello", "--json")
    hosts = [result["host"] for result in answer.document["results"]]
    assert (answer.code, hosts) == (0, ["macmini", "epyc6"])
