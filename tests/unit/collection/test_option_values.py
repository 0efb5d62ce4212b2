"""Rules of options that a task leaves out: they are the host's variables."""

from __future__ import annotations

import getpass
import threading
from typing import TYPE_CHECKING, Any

import pytest

from dxansible.run.backend import play
from dxansible.run.request import PlayRequest
from dxansible.settings import content_dir
from tests.unit.local_vm import LOCAL, write_inventory, write_playbook

if TYPE_CHECKING:
    from pathlib import Path

    from dxansible.settings import Settings

pytestmark = pytest.mark.resident

COLLECTIONS = content_dir("playbooks") / "collections"
ONE_TASK = {"register": "turn", "until": "turn.dx.done", "retries": 100, "delay": 0}


def records_of(
    settings: Settings, tmp_path: Path, hosts: dict[str, dict[str, Any]], *tasks: dict[str, Any]
) -> dict[tuple[str, str], dict[str, Any]]:
    """The last record of each task on each host, of which these are the variables."""
    records: dict[tuple[str, str], dict[str, Any]] = {}

    def take(event: dict[str, Any]) -> None:
        data = event.get("event_data", {})
        result = data.get("res") or {}
        record = result.get("dx") or {}
        for host, each in (record.get("hosts") or {data.get("host"): result}).items():
            if each.get("dx"):
                records[host, data["task"]] = each["dx"]

    named = [{"name": "Act", **task} for task in tasks]
    known = {name: LOCAL | variables for name, variables in hosts.items()}
    request = PlayRequest(
        playbook=write_playbook(tmp_path / "play.yml", *named),
        inventory=(write_inventory(tmp_path / "hosts.json", **known),),
        limit="all",
        variables={"dx_command": "sleep 1"},
        environment={**settings.environment, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS)},
        runtime_dir=settings.runtime_dir,
    )
    play(request, take, threading.Event())
    return records


def acted(
    settings: Settings, tmp_path: Path, hosts: dict[str, dict[str, Any]], task: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """The last record of a task on each of these hosts."""
    return {host: each for (host, _), each in records_of(settings, tmp_path, hosts, task).items()}


def outcomes(
    settings: Settings, tmp_path: Path, hosts: dict[str, dict[str, Any]], **options: float
) -> dict[str, str]:
    """What becomes of a command of one second on hosts that have these variables."""
    task = {"dxansible.fleet.run_command": {"preflight": {}, **options}, **ONE_TASK}
    records = acted(settings, tmp_path, hosts, task)
    return {host: str(record["outcome"]) for host, record in records.items()}


def test_a_variable_of_the_host_is_the_option(settings: Settings, tmp_path: Path) -> None:
    values = [0.3, "0.3", "{{ 0.1 * 3 }}", "{{ mine }}"]
    hosts = {f"h{n}": {"dx_timeout": value, "mine": 0.3} for n, value in enumerate(values)}
    # one without a value is no option
    hosts["empty"] = dict.fromkeys(("dx_timeout", "dx_env", "dx_cwd", "dx_path", "dx_when_back"))

    found = outcomes(settings, tmp_path, hosts)

    assert found == {**dict.fromkeys(hosts, "TIMEOUT"), "empty": "SUCCESS"}


def test_what_the_task_gives_counts_more(settings: Settings, tmp_path: Path) -> None:
    hosts = {"here": {"dx_timeout": 0.3}}
    assert outcomes(settings, tmp_path, hosts, timeout=30) == {"here": "SUCCESS"}


COMPLAINTS: list[tuple[dict[str, Any], str]] = [
    ({"cmd": ["rm", "-r", "x"]}, "cmd is not a string; write it as one"),
    ({"run_id": "x"}, "there is no option run_id; there are attach, "),
    ({"preflight": {"id": "x"}}, "there is no option preflight.id; there are checks, "),
    ({"preflight": None}, "preflight: {} checks the host and makes an id"),
]
"""Options of a task, and what is said of them."""


def test_an_option_that_makes_no_sense_is_named_in_plain_words(
    settings: Settings, tmp_path: Path
) -> None:
    def task(options: dict[str, Any], name: str) -> dict[str, Any]:
        call = {"operation": "run_command", "options": {"preflight": {}, **options}}
        return {"name": name, "dxansible.fleet.fan_out": call, "ignore_errors": True}

    tasks = [task(options, str(number)) for number, (options, _) in enumerate(COMPLAINTS)]
    said = records_of(settings, tmp_path, {"here": {}}, *tasks)
    spoilt: dict[str, dict[str, Any]] = {
        "soon": {"dx_timeout": "soon"},
        "list": {"dx_cwd": ["/tmp"]},
    }
    values = acted(settings, tmp_path, spoilt, task({}, "Act"))

    assert "argument timeout (dx_timeout) is of type str and we were u" in str(values["soon"])
    assert "cwd (dx_cwd) is not a string; write it as one" in str(values["list"])
    for number, (_, complaint) in enumerate(COMPLAINTS):
        assert complaint in str(said["here", str(number)])
    assert "<class" not in str(said) + str(values)


def test_a_health_check_is_as_the_host_has_it(settings: Settings, tmp_path: Path) -> None:
    hosts: dict[str, dict[str, Any]] = {
        "asked": {},
        "claude": {"dx_agent": "claude"},
        "unasked": {"dx_check_reachable": "{{ 1 == 2 }}"},
        "alone": {"dx_survey": "no"},
    }
    found = acted(settings, tmp_path, hosts, {"dxansible.fleet.preflight": {"connect": True}})

    seen = {
        host: (each["connect"], each["attempts"], each["agent"]) for host, each in found.items()
    }
    assert seen == {
        "asked": (True, 1, "opencode"),
        "claude": (True, 1, "claude"),
        "unasked": (False, 0, None),
        "alone": (True, 1, None),
    }


CALLS: dict[str, dict[str, Any]] = {
    "clean_sessions": {"age": 0},
    "list_sessions": {},
    "stop_command": {"id": "ses-1", "turns": True},
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_checks_the_host_first_where_that_is_wanted(
    settings: Settings, tmp_path: Path, name: str
) -> None:
    task = {f"dxansible.fleet.{name}": {**CALLS[name], "preflight": {}}}
    stranger: dict[str, Any] = {"ansible_user": f"not-{getpass.getuser()}"}

    hosts = {"refused": stranger, "passed": stranger | {"dx_preflight": False}}
    found = acted(settings, tmp_path, hosts, task)
    refused, passed = found["refused"], found["passed"]

    if name == "stop_command":  # a check that failed has stopped nothing
        assert (refused["kind"], refused["reason"]) == ("stop", "lost_contact")
        assert (refused["outcome"], refused["stop_verified"]) == ("FAILURE", False)
        assert refused["preflight"]["status"] == "AUTH_MODE_INVALID"
    else:
        assert (refused["kind"], refused["status"]) == ("preflight", "AUTH_MODE_INVALID")
        assert "preflight" not in refused
    assert passed["kind"] in {"clean", "sessions", "stop"}
    assert passed["preflight"]["status"] == "OK"


def test_a_stop_has_to_know_what(settings: Settings, tmp_path: Path) -> None:
    task: dict[str, Any] = {"dxansible.fleet.stop_command": {"preflight": {}}}

    hosts: dict[str, dict[str, Any]] = {
        "told": {"dx_run_id": "deploy_42"},
        "untold": {},
        "empty": {"dx_run_id": ""},
    }
    found = acted(settings, tmp_path, hosts, task)

    assert found.keys() == {"told"}  # of the others Ansible has said why, and there is no record
    made = found["told"]
    assert made["id"].startswith("deploy_42-")
    assert made["id"] == made["preflight"]["id"]
