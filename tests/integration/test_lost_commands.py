"""A command that nobody watches any more can be found, by whoever has the inventory."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from tests.integration.dispatcher import Dispatcher
from tests.integration.inventories import variables_of, write_hosts
from tests.integration.vm_processes import wait_until, work_on

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from tests.lab import Lab, Vm

pytestmark = pytest.mark.resident

UNTIL_TOLD = "while [ ! -e finish ]; do sleep 0.1; done; echo ended"


def listed(user: Dispatcher, *narrow: str) -> dict[str, dict[str, Any]]:
    found = user.run("--sessions", *narrow, "--json").document["sessions"]
    ids = [each["session_id"] for each in found]
    assert len(ids) == len(set(ids)), "a session is there twice"
    return {each["session_id"]: each for each in found}


def test_the_command_of_a_killed_client_is_listed_shown_and_stopped(
    user: Dispatcher, until_told: Vm
) -> None:
    arguments = ("--exec", f"TOKEN=hunter2secret; {UNTIL_TOLD}", "--timeout", "600")
    with user.start("epyc6", *arguments) as client:
        wait_until(lambda: bool(work_on(until_told)), 60, "the command runs")
        client.kill()
    running = [each for each in listed(user).values() if each["state"] == "running"]
    (found,) = running
    assert (found["kind"], found["host"], found["agent"]) == ("command", "epyc6", None)
    assert "while [ ! -e finish ]" in found["task"]
    assert "hunter2secret" not in found["task"]
    table = user.run("--sessions").out.decode()
    (row,) = (line for line in table.splitlines() if line.startswith(found["session_id"]))
    assert "(command)" in row
    assert "running" in row
    begun = found["session_id"][:12]
    assert b"running" in user.run("--status", begun).out
    assert user.run("--abort", begun).code == 0
    assert listed(user)[found["session_id"]]["state"] == "aborted"


def test_a_listing_can_be_narrowed_to_agents_or_to_commands(user: Dispatcher, epyc6: Vm) -> None:
    command = user.run("epyc6", "--exec", "exit 3", "--json").result["session_id"]
    agent = user.run("epyc6", "true", "--agent", "shell", "--wait", "--json").result["session_id"]
    every, agents, commands = listed(user), listed(user, "--agents"), listed(user, "--commands")
    assert {command, agent} <= set(every)
    assert set(every) == set(agents) | set(commands)
    assert (agent in agents, agent in commands) == (True, False)
    assert (command in agents, command in commands) == (False, True)
    assert (every[command]["state"], every[command]["exit_code"]) == ("failed", 3)
    assert every[agent]["kind"] == "agent"
    assert user.run("--sessions", "--agents", "--commands").code == 2
    assert user.run("--list", "--commands").code == 2
    for typed in (agent[:14], agent):
        status = user.run("--status", typed, "--json").document["session"]
        assert status["session_id"] == agent
    assert user.run("--logs", agent[:-1]).code == 0
    assert epyc6.name == "epyc6"


def test_the_text_of_a_command_from_a_file_is_in_no_listing(
    user: Dispatcher, epyc6: Vm, tmp_path: Path
) -> None:
    canary = secrets.token_hex(8)
    script = tmp_path / "deploy.sh"
    script.write_text(f"# {canary}\ntrue\n")
    answer = user.run("epyc6", "--exec", "--file", str(script), "--json")
    found = listed(user)[answer.result["session_id"]]
    assert found["task"] == f"--file {script}"
    kept = epyc6.home / ".local/state/dxansible/sessions" / answer.result["session_id"]
    assert not [path for path in kept.iterdir() if canary.encode() in path.read_bytes()]


def test_a_session_is_listed_once_under_the_name_it_was_started_for(
    lab: Lab, epyc6: Vm, tmp_path: Path
) -> None:
    names = ("desk", "laptop", "lab")
    hosts = {name: variables_of(epyc6) for name in names}
    user = Dispatcher(write_hosts(tmp_path, hosts), engines=True)
    try:
        started = {
            name: user.run(name, "--exec", "true", "--json").result["session_id"] for name in names
        }
        found = listed(user)
        assert {name: found[started[name]]["host"] for name in names} == {n: n for n in names}
        (alone,) = (
            each
            for each in user.run("--sessions", "desk", "--json").document["sessions"]
            if each["session_id"] == started["laptop"]
        )
        assert alone["started_for"] == "laptop"
        assert user.run("--logs", started["lab"][:-2]).code == 0
    finally:
        user.close()
    assert lab.vms["epyc6"] is epyc6
