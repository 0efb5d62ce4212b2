"""Hosts that fail before anything of the user's runs: each says why, and what to do about it.

All of them are in one inventory, asked by one command line and one call of Python.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from dxansible.fleet import PreflightStatus, fanout, fanout_ssh, run_preflight_checks
from tests.integration.doors import Told, told
from tests.integration.inventories import variables_of, write_hosts
from tests.lab import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.dispatcher import Dispatcher
    from tests.integration.doors import Result
    from tests.integration.inventories import Variables
    from tests.lab import Vm


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """What is wrong in a host's variables, and what has to be said of it."""

    status: str
    says: str
    change: Variables
    drop: str = ""


BROKEN = {
    "no-user": Broken(
        status="USER_MAPPING_MISSING", says="set ansible_user", change={}, drop="ansible_user"
    ),
    "bad-mode": Broken(
        status="AUTH_MODE_INVALID",
        says="local, tailscale, ssh_key",
        change={"dx_auth_mode": "kerberos"},
    ),
    "no-such-name": Broken(
        status="HOST_UNRESOLVABLE",
        says="check ansible_host and your DNS",
        change={"ansible_host": "no-such-name.invalid"},
    ),
    "no-key": Broken(
        status="AUTH_MODE_INVALID",
        says="run ssh-keygen or ssh-add",
        change={"ansible_ssh_private_key_file": "{{ inventory_dir }}/missing"},
    ),
    "locked-key": Broken(
        status="AUTH_MODE_INVALID",
        says="run: ssh-add",
        change={"ansible_ssh_private_key_file": "{{ inventory_dir }}/locked"},
    ),
    "open-key": Broken(
        status="AUTH_MODE_INVALID",
        says="run: chmod 600",
        change={"ansible_ssh_private_key_file": "{{ inventory_dir }}/open"},
    ),
    "elsewhere": Broken(
        status="AUTH_MODE_INVALID",
        says="run this on elsewhere",
        change={"dx_auth_mode": "local", "ansible_connection": "local"},
    ),
}


def make_keys(directory: Path) -> None:
    for name, passphrase, mode in (("locked", "secret", 0o600), ("open", "", 0o644)):
        key = directory / name
        arguments = ["-q", "-t", "ed25519", "-N", passphrase, "-f", str(key)]
        subprocess.run(["ssh-keygen", *arguments], check=True)
        key.chmod(mode)


@pytest.fixture
def broken(here: Dispatcher, epyc6: Vm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An inventory of hosts that can't be used, and of one that can; DX_INVENTORY names it."""
    make_keys(tmp_path)
    usual = variables_of(epyc6)
    hosts = {
        name: {key: value for key, value in {**usual, **case.change}.items() if key != case.drop}
        for name, case in BROKEN.items()
    }
    inventory = write_hosts(tmp_path, {**hosts, "fine": usual})
    here.environment["DX_INVENTORY"] = str(inventory)
    monkeypatch.setenv("DX_INVENTORY", str(inventory))
    return inventory


@pytest.mark.resident
@pytest.mark.usefixtures("broken")
def test_every_fault_of_a_mapping_is_found_before_anything_runs_and_by_the_health_check(
    here: Dispatcher, epyc6: Vm
) -> None:
    (epyc6.home / "ran").unlink(missing_ok=True)
    answer = here.run("all", "--exec", "echo >>ran", "--json")
    by_python: list[Result] = [result.to_dict() for result in fanout("all", "echo >>ran")]
    assert answer.code == 3
    for results in (answer.document["results"], by_python):
        found: dict[str, Result] = {result["host"]: result for result in results}
        assert found.keys() == {*BROKEN, "fine"}
        assert told(found.pop("fine")).outcome == "SUCCESS"
        for result in found.values():
            check_broken(result)
    assert (epyc6.home / "ran").read_text() == "\n\n"
    checked = here.run("--list", "--json")
    assert checked.code == 3
    statuses = {host["host"]: host["status"] for host in checked.document["hosts"]}
    assert statuses == {**{name: case.status for name, case in BROKEN.items()}, "fine": "OK"}


def check_broken(result: Result) -> None:
    case = BROKEN[result["host"]]
    assert told(result) == Told(outcome="PREFLIGHT_FAILED", reason=case.status, attempts=0)
    assert case.says in result["error"]
    assert result["host"] in result["error"]


@pytest.mark.resident
def test_the_user_of_a_host_may_come_from_ssh_s_configuration(
    here: Dispatcher, epyc6: Vm, tmp_path: Path
) -> None:
    usual = variables_of(epyc6)
    user = usual.pop("ansible_user")
    (tmp_path / "config").write_text(f"Host *\n  User {user}\n")
    usual["ansible_ssh_common_args"] = f"-F {tmp_path}/config {usual['ansible_ssh_common_args']}"
    here.environment["DX_INVENTORY"] = str(write_hosts(tmp_path, {"epyc6": usual}))
    answer = here.run("epyc6", "--exec", "id -un")
    assert (answer.code, answer.out) == (0, f"{user}\n".encode())
    assert f" user={user} user_from=ssh_config ".encode() in answer.err
    assert here.run("--list", "--json").document["hosts"][0]["user"] == user


@pytest.mark.resident
def test_a_name_that_is_nearly_right_is_answered_with_the_right_one(here: Dispatcher) -> None:
    answer = here.run("epic6", "--exec", "true", "--json")
    assert answer.code == 3
    results: list[Result] = [answer.result, fanout_ssh("epic6", "true").to_dict()]
    for result in results:
        assert told(result) == Told(
            outcome="PREFLIGHT_FAILED", reason="USER_MAPPING_MISSING", attempts=0
        )
        assert "did you mean epyc6" in result["error"]


HEALTH = {
    Fault.REFUSE: "HOST_UNREACHABLE",
    Fault.CLOSE_EARLY: "HOST_UNREACHABLE",
    Fault.SILENT: "TIMEOUT",
    Fault.DROP: "TIMEOUT",
    Fault.REFUSE_AUTH: "AUTH_MODE_INVALID",
    Fault.CHANGED_KEY: "AUTH_MODE_INVALID",
}


@pytest.mark.resident
@pytest.mark.parametrize(("fault", "status"), HEALTH.items(), ids=map(str, HEALTH))
def test_a_health_check_connects_for_real(
    here: Dispatcher, epyc6: Vm, fault: Fault, status: str
) -> None:
    epyc6.fault(fault)
    with here.start("--status", "epyc6", "--json") as client:
        checked = run_preflight_checks("epyc6", timeout_sec=3)
        out, _ = client.communicate(timeout=60)
    (by_line,) = json.loads(out)["hosts"]
    assert client.returncode == 3
    assert (by_line["status"], checked.status) == (status, PreflightStatus(status))
    assert "epyc6" in by_line["error"]


@pytest.mark.resident
def test_a_check_without_a_connection_asks_no_host(here: Dispatcher, epyc6: Vm) -> None:
    here.drop_connections()
    epyc6.fault(Fault.REFUSE_AUTH)
    before = epyc6.connections
    checked = run_preflight_checks("epyc6", check_reachable=False)
    assert (checked.status, checked.attempts) == (PreflightStatus.OK, 0)
    assert epyc6.connections == before
