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


def record_of(
    settings: Settings, tmp_path: Path, variables: dict[str, Any], task: dict[str, Any]
) -> dict[str, Any]:
    """The last record of a task on a host that has these variables."""
    records: list[dict[str, Any]] = []

    def take(event: dict[str, Any]) -> None:
        record = event.get("event_data", {}).get("res", {}).get("dx")
        if record:
            records.append(record)

    request = PlayRequest(
        playbook=write_playbook(tmp_path / "play.yml", {"name": "Act", **task}),
        inventory=(write_inventory(tmp_path / "hosts.json", here=LOCAL | variables),),
        limit="here",
        variables={"dx_command": "sleep 1"},
        environment={**settings.environment, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS)},
        runtime_dir=settings.runtime_dir,
    )
    play(request, take, threading.Event())
    return records[-1]


def outcome(settings: Settings, tmp_path: Path, variables: dict[str, Any], **options: float) -> str:
    """What becomes of a command of one second where a host has these variables."""
    task = {"dxansible.fleet.run_command": {"preflight": {}, **options}, **ONE_TASK}
    return str(record_of(settings, tmp_path, variables, task)["outcome"])


@pytest.mark.parametrize("value", [0.3, "0.3", "{{ 0.1 * 3 }}", "{{ mine }}"])
def test_a_variable_of_the_host_is_the_option(
    settings: Settings, tmp_path: Path, value: object
) -> None:
    variables = {"dx_timeout": value, "mine": 0.3}

    assert outcome(settings, tmp_path, variables) == "TIMEOUT"


def test_what_the_task_gives_counts_more(settings: Settings, tmp_path: Path) -> None:
    assert outcome(settings, tmp_path, {"dx_timeout": 0.3}, timeout=30) == "SUCCESS"


def test_a_variable_without_a_value_is_no_option(settings: Settings, tmp_path: Path) -> None:
    empty = dict.fromkeys(("dx_timeout", "dx_env", "dx_cwd", "dx_path", "dx_when_back"))

    assert outcome(settings, tmp_path, empty) == "SUCCESS"


@pytest.mark.parametrize(
    ("variables", "options", "complaint"),
    [
        ({"dx_timeout": "soon"}, {}, "argument timeout (dx_timeout) is of type str and we were u"),
        ({}, {"cmd": ["rm", "-r", "x"]}, "cmd is not a string; write it as one"),
        ({"dx_cwd": ["/tmp"]}, {}, "cwd (dx_cwd) is not a string; write it as one"),
        ({}, {"run_id": "x"}, "there is no option run_id; there are attach, "),
        ({}, {"preflight": {"id": "x"}}, "there is no option preflight.id; there are checks, "),
        ({}, {"preflight": None}, "preflight: {} checks the host and makes an id"),
    ],
)
def test_an_option_that_makes_no_sense_is_named_in_plain_words(
    settings: Settings, tmp_path: Path, variables: dict[str, Any], options: dict[str, Any],
    complaint: str,
) -> None:  # fmt: skip
    options = {"operation": "run_command", "options": {"preflight": {}, **options}}
    said = str(record_of(settings, tmp_path, variables, {"dxansible.fleet.fan_out": options}))

    assert complaint in said
    assert "<class" not in said


def test_a_health_check_is_as_the_host_has_it(settings: Settings, tmp_path: Path) -> None:
    task: dict[str, Any] = {"dxansible.fleet.preflight": {"connect": True}}

    asked = record_of(settings, tmp_path, {}, task)
    claude = record_of(settings, tmp_path, {"dx_agent": "claude"}, task)
    unasked = record_of(settings, tmp_path, {"dx_check_reachable": "{{ 1 == 2 }}"}, task)

    assert (asked["connect"], asked["attempts"], asked["agent"]) == (True, 1, "opencode")
    assert claude["agent"] == "claude"
    assert (unasked["connect"], unasked["attempts"], unasked["agent"]) == (False, 0, None)
    assert record_of(settings, tmp_path, {"dx_survey": "no"}, task)["agent"] is None


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
    stranger = {"ansible_user": f"not-{getpass.getuser()}"}

    refused = record_of(settings, tmp_path, stranger, task)
    passed = record_of(settings, tmp_path, stranger | {"dx_preflight": False}, task)

    assert (refused["kind"], refused["status"]) == ("preflight", "AUTH_MODE_INVALID")
    assert "preflight" not in refused
    assert passed["kind"] in {"clean", "sessions", "stop"}
    assert passed["preflight"]["status"] == "OK"


def test_a_stop_has_to_know_what(settings: Settings, tmp_path: Path) -> None:
    task: dict[str, Any] = {"dxansible.fleet.stop_command": {"preflight": {}}}

    made = record_of(settings, tmp_path, {"dx_run_id": "deploy_42"}, task)

    assert made["id"].startswith("deploy_42-")
    assert made["id"] == made["preflight"]["id"]
    for nothing in ({}, {"dx_run_id": ""}):
        with pytest.raises(IndexError):  # Ansible has said why, and there is no record
            record_of(settings, tmp_path, nothing, task)
