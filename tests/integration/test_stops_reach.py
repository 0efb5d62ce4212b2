"""What a stop says where it reached nobody, and that no agent's record keeps it from reaching."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.packages import ROOT
from tests.integration.vm_processes import wait_until, work_on
from tests.lab import Fault

if TYPE_CHECKING:
    from tests.integration.dispatcher import Answer, Dispatcher
    from tests.lab import Lab, Vm

pytestmark = [pytest.mark.resident, pytest.mark.directed]

WORK = "echo >ready; while [ ! -e finish ]; do sleep 0.1; done"
PLAYBOOK = Path(sys.executable).parent / "ansible-playbook"


def begin(user: Dispatcher, vm: Vm, kind: str) -> str:
    """Start work that nobody watches, and return its id."""
    runs = vm.home / "ready"
    runs.unlink(missing_ok=True)
    if kind == "session":
        answer = user.run("epyc6", f"cd; {WORK}", "--agent", "shell", "--json")
        assert answer.code == 0
        wait_until(runs.exists, 60, "the turn runs")
        return str(answer.result["session_id"])
    with user.start("epyc6", "--exec", WORK, "--timeout", "600") as client:
        wait_until(runs.exists, 60, "the command runs")
        client.kill()
    (found,) = (
        each["session_id"]
        for each in user.run("--sessions", "epyc6", "--json").document["sessions"]
        if each["state"] == "running"
    )
    return str(found)


def told(answer: Answer) -> tuple[int, str, str, object]:
    found = answer.result
    return answer.code, found["outcome"], found["reason"], found["stop_verified"]


@pytest.mark.parametrize("kind", ["command", "session"])
def test_an_abort_that_reached_nobody_says_so(
    user: Dispatcher, until_told: Vm, tmp_path: Path, kind: str
) -> None:
    others = work_on(until_told)  # what other tests have left
    vm, name = until_told, begin(user, until_told, kind)
    vm.fault(Fault.REFUSE)
    user.drop_connections()

    silent = user.run("--abort", name, "--json")

    assert told(silent) == (1, "FAILURE", "lost_contact", False)
    error = silent.result["error"]
    assert "did not answer the stop" in error
    assert f"may be running there; see: dx-dispatch --logs {name}; try again: dx-d" in error
    by_hand = stop_by_playbook(user, kind, name, tmp_path)
    assert by_hand.returncode == 2
    assert b"did not answer the stop" in by_hand.stdout
    assert {*work_on(vm)} - {*others}
    vm.heal()
    assert told(user.run("--abort", name, "--json")) == (0, "ABORTED", "aborted", True)
    assert not {*work_on(vm)} - {*others}


def stop_by_playbook(
    user: Dispatcher, kind: str, name: str, directory: Path
) -> subprocess.CompletedProcess[bytes]:
    """Stop it as people do who have ansible-core alone."""
    chosen = f"dx_run_id={name.rpartition('-')[0]}" if kind == "command" else f"dx_session={name}"
    return subprocess.run(
        [
            *(PLAYBOOK, "-i", user.environment["DX_INVENTORY"]),
            *(ROOT / "playbooks" / f"stop-{kind}.yml", "--limit", "epyc6", "-e", chosen),
        ],
        env=user.environment,
        cwd=directory,
        capture_output=True,
        timeout=120,
        check=False,
    )


def test_an_invalid_record_of_an_agent_stops_nothing_but_that_agent(
    user: Dispatcher, lab: Lab, until_told: Vm, tmp_path: Path
) -> None:
    inventory = tmp_path / "inventory"
    shutil.copytree(lab.inventory, inventory)
    (inventory / "group_vars").mkdir(exist_ok=True)
    (inventory / "group_vars" / "all.yml").write_text("dx_agents: {robot: {start: 5}}\n")
    user.environment["DX_INVENTORY"] = str(inventory)

    others = work_on(until_told)
    name = begin(user, until_told, "session")
    listed = user.run("--sessions", "epyc6", "--json").document["sessions"]
    assert (name, "running") in {(each["session_id"], each["state"]) for each in listed}
    assert user.run("--status", name).code == 0
    assert user.run("--logs", name).code == 0
    assert told(user.run("--abort", name, "--json")) == (0, "ABORTED", "aborted", True)
    assert not {*work_on(until_told)} - {*others}
    wrong = user.run("epyc6", "work", "--agent", "robot", "--wait", "--json").result
    assert (wrong["outcome"], wrong["reason"]) == ("PREFLIGHT_FAILED", "agent_invalid")
    assert "dx_agents: robot.start" in wrong["error"]
