"""Rules of options that a task leaves out: they are the host's variables."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from dxansible.runner.backend import play
from dxansible.runner.request import PlayRequest
from dxansible.settings import content_dir
from tests.unit.local_vm import LOCAL, write_inventory, write_playbook

if TYPE_CHECKING:
    from pathlib import Path

    from dxansible.settings import Settings

COLLECTIONS = content_dir("playbooks") / "collections"
ONE_TASK = {"register": "turn", "until": "turn.dx.done", "retries": 100, "delay": 0}


def outcome(settings: Settings, tmp_path: Path, variables: dict[str, Any], **options: float) -> str:
    """What becomes of a command of one second where a host has these variables."""
    task = {"dxansible.fleet.run_command": {"preflight": {}, **options}, "name": "Run", **ONE_TASK}
    ends: list[str] = []

    def take(event: dict[str, Any]) -> None:
        record = event.get("event_data", {}).get("res", {}).get("dx", {})
        if record.get("done"):
            ends.append(str(record["outcome"]))

    request = PlayRequest(
        playbook=write_playbook(tmp_path / "play.yml", task),
        inventory=(write_inventory(tmp_path / "hosts.json", here=LOCAL | variables),),
        limit="here",
        variables={"dx_command": "sleep 1"},
        environment={**settings.environment, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS)},
        runtime_dir=settings.runtime_dir,
    )
    play(request, take, threading.Event())
    (end,) = ends
    return end


@pytest.mark.parametrize("value", [0.3, "0.3", "{{ 0.1 * 3 }}", "{{ mine }}"])
def test_a_variable_of_the_host_is_the_option(
    settings: Settings, tmp_path: Path, value: object
) -> None:
    variables = {"dx_timeout": value, "mine": 0.3}

    assert outcome(settings, tmp_path, variables) == "TIMEOUT"


def test_what_the_task_gives_counts_more(settings: Settings, tmp_path: Path) -> None:
    assert outcome(settings, tmp_path, {"dx_timeout": 0.3}, timeout=30) == "SUCCESS"
