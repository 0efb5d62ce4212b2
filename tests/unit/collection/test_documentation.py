"""Rules of the modules' documentation: it is what the action plugins really take."""

from __future__ import annotations

import functools
import importlib
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible_collections.dxansible.fleet.plugins.plugin_utils.operations import MODULES as ONE_HOST

from dxansible.run.backend import play
from dxansible.run.request import PlayRequest
from dxansible.settings import Settings, content_dir
from tests.unit.run.records import PREFLIGHT

if TYPE_CHECKING:
    from collections.abc import Mapping

MODULES = (
    "clean_sessions",
    "fan_out",
    "host_result",
    "list_sessions",
    "preflight",
    "run_command",
    "run_turn",
    "serve",
    "stop_command",
)
COLLECTIONS = content_dir("playbooks") / "collections"
ANSIBLES_OWN = {
    "_ansible_no_log",
    "attempts",
    "changed",
    "exception",
    "failed",
    "retries",
    "stderr_lines",
    "stdout_lines",
}
COLLECTION = "ansible_collections.dxansible.fleet.plugins"


@functools.cache
def documentation() -> dict[str, dict[str, Any]]:
    """What ``ansible-doc`` makes of it."""
    done = subprocess.run(
        [
            Path(sys.executable).parent / "ansible-doc",
            *("--json", "--type", "module"),
            *(f"dxansible.fleet.{name}" for name in MODULES),
        ],
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS)},
        capture_output=True,
        check=True,
    )
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return {name.rpartition(".")[2]: text for name, text in found.items()}


def specification(name: str) -> dict[str, dict[str, Any]]:
    if name not in ONE_HOST:
        action = importlib.import_module(f"{COLLECTION}.action.{name}")
        return _without_variables(action._SPEC)
    operation = ONE_HOST[name].run
    own = {name: each for name, each in operation.spec.items() if name not in operation.of_fan}
    socket = {"command_socket": {"type": "str", "default": ""}} if operation.runs_text else {}
    return _without_variables(own | socket)


def _without_variables(spec: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The spec as Ansible documents it, which knows nothing of the host's variables."""
    found = {}
    for name, facts in spec.items():
        found[name] = {key: value for key, value in facts.items() if key != "variable"}
        if "options" in facts:
            found[name]["options"] = _without_variables(facts["options"])
    return found


def test_every_action_has_a_module_that_documents_it() -> None:
    plugins = COLLECTIONS / "ansible_collections" / "dxansible" / "fleet" / "plugins"
    actions = {path.stem for path in (plugins / "action").glob("*.py")} - {"solo"}
    runtime = yaml.safe_load((plugins.parent / "meta" / "runtime.yml").read_text())
    routed = {
        name: facts["action_plugin"] for name, facts in runtime["plugin_routing"]["modules"].items()
    }

    assert routed == dict.fromkeys(ONE_HOST, "dxansible.fleet.solo")
    assert actions | routed.keys() == {path.stem for path in (plugins / "modules").glob("*.py")}
    assert set(documentation()) == actions | routed.keys() == set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_the_options_are_those_that_the_action_takes(name: str) -> None:
    documented = documentation()[name]["doc"]["options"]

    assert _as_taken(documented) == specification(name)


def _as_taken(documented: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Documented options as an action's specification has them."""
    taken = {}
    for option, facts in documented.items():
        taken[option] = {key: value for key, value in facts.items() if key != "description"}
        if "suboptions" in facts:
            taken[option]["options"] = _as_taken(taken[option].pop("suboptions"))
    return taken


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_are_tasks_with_options_that_exist(name: str) -> None:
    tasks = yaml.safe_load(documentation()[name]["examples"])

    used = {key: value or {} for task in tasks for key, value in task.items() if "." in key}
    assert f"dxansible.fleet.{name}" in used
    for module, arguments in used.items():
        assert set(arguments) <= set(specification(module.rpartition(".")[2]))


@pytest.mark.parametrize("name", MODULES)
def test_every_return_value_says_when_it_is_returned(name: str) -> None:
    values = documentation()[name]["return"] | record_of(name)

    assert all(value["description"] and value["returned"] for value in values.values())


def record_of(name: str) -> dict[str, dict[str, Any]]:
    """What a module's `dx` has, with the values that it shares with `run_command`."""
    dx = documentation()[name]["return"]["dx"]
    found = dict(dx["contains"])
    if name != "run_command":
        shared = record_of("run_command")
        for sentence in dx["description"]:
            if "RV(dxansible.fleet.run_command#module:dx)" in sentence:
                found |= {key: shared[key] for key in re.findall(r"C\((\w+)\)", sentence)}
    return found


def test_what_a_preflight_returns_is_what_the_runner_reads() -> None:
    assert set(documentation()["preflight"]["return"]["dx"]["contains"]) == set(PREFLIGHT)


TASKS = """
- hosts: all
  gather_facts: false
  tasks:
    - dxansible.fleet.run_command: {cmd: exit 3, preflight: {}}
      register: once
    - dxansible.fleet.run_command: {cmd: exit 3, id: "{{ once.dx.id }}"}
      check_mode: true
    - dxansible.fleet.stop_command: {id: "{{ once.dx.id }}"}
    - dxansible.fleet.run_turn: {preflight: {id_prefix: ses}}
      register: turn
      until: turn.dx.done
      retries: 1000
      delay: 0
    - dxansible.fleet.preflight: {connect: true}
    - dxansible.fleet.list_sessions: {preflight: {}, claim_ends: true}
    - dxansible.fleet.clean_sessions: {preflight: {}}
    - dxansible.fleet.fan_out: {operation: run_command, options: {cmd: exit 3}}
      run_once: true
      register: fleet
    - dxansible.fleet.host_result: {register: fleet}
    - dxansible.fleet.fan_out: {operation: check_hosts, news: true}
      run_once: true
      register: news
      until: news.dx.done
      retries: 1000
      delay: 0
  ignore_errors: true
"""


def test_what_a_task_really_returns_is_documented(settings: Settings, tmp_path: Path) -> None:
    seen = {name: set[str]() for name in MODULES if name != "serve"}  # it doesn't end
    fleet = set[str]()
    variables = {"dx_task": "exit 3", "dx_agent": "shell", "dx_news": False}
    playbook = tmp_path / "tasks.yml"
    playbook.write_text(TASKS)

    def take(event: dict[str, Any]) -> None:
        if event["event"] in {"runner_on_ok", "runner_on_failed", "runner_retry"}:
            name = event["event_data"]["task_action"].rpartition(".")[2]
            result = event["event_data"]["res"]
            seen[name] |= (result.keys() - ANSIBLES_OWN) | {f"dx.{key}" for key in result["dx"]}
            fleet.update(result["dx"].get("hosts") or {})

    request = PlayRequest(
        playbook=playbook,
        inventory=settings.inventory,
        limit="here",
        variables=variables,
        environment={**settings.environment, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS)},
        runtime_dir=settings.runtime_dir,
    )
    end = play(request, take, threading.Event())

    assert fleet == {"here"}, end
    for name, keys in seen.items():
        values = documentation()[name]["return"]
        inner = {f"dx.{key}": value for key, value in record_of(name).items()}
        documented = values | inner
        always = {key for key, value in documented.items() if value["returned"] == "always"}
        assert always <= keys <= documented.keys() | result_of_host(name), name


def result_of_host(name: str) -> set[str]:
    """What `host_result` has from the module of the operation."""
    if name != "host_result":
        return set()
    values = documentation()["run_command"]["return"]
    return set(values) | {f"dx.{key}" for key in values["dx"]["contains"]}
