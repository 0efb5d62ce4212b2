"""Rules of checking hosts, with the real engine and this machine as the VM."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

import pytest

from dxansible.errors import EngineError, NoMatchError, UsageError
from dxansible.fleet import PreflightStatus, check_hosts, run_preflight_checks
from dxansible.settings import Settings
from tests.unit.local_vm import LOCAL, write_inventory, write_playbook
from tests.unit.run import records
from tests.unit.run.test_listing import said

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.resident

FAIL = {"name": "Fail", "ansible.builtin.fail": {"msg": "no such luck"}}


@pytest.mark.usefixtures("inventory")
def test_a_host_that_answers_is_ok() -> None:
    result = run_preflight_checks("here")

    assert (result.status, result.host, result.error) == (PreflightStatus.OK, "here", None)
    assert (result.user, result.auth_mode) == (getpass.getuser(), "local")
    assert (result.aliases, result.capabilities) == (("me",), ("gpu",))
    assert result.attempts == 1
    assert result.latency_ms is not None


@pytest.mark.usefixtures("inventory")
def test_without_a_connection_there_is_neither_attempt_nor_latency() -> None:
    result = run_preflight_checks("me", check_reachable=False)

    assert (result.status, result.host) == (PreflightStatus.OK, "here")
    assert (result.attempts, result.latency_ms) == (0, None)


@pytest.mark.parametrize("procfs", ["auto", "off"])
def test_the_time_of_the_agent_is_none_of_the_latency(
    settings: Settings, home: Path, monkeypatch: pytest.MonkeyPatch, procfs: str
) -> None:
    monkeypatch.setenv("DX_KEEPER_PROCFS", procfs)
    agent = home / "bin" / "slow"
    agent.parent.mkdir()
    agent.write_text("#!/bin/sh\nsleep 2\necho 1.2\n", encoding="ascii")
    agent.chmod(0o755)
    record = {"start": ["slow"], "resume": ["slow"], "version": ["slow", "-V"]}
    variables = {"dx_path": ["~/bin"], "dx_agent": "slow", "dx_agents": {"slow": record}}
    write_inventory(home / "inventory.yml", here=LOCAL | variables)

    (result,) = check_hosts("all", settings=settings, survey=True)

    assert (result.agent, result.agent_version) == ("slow", "1.2")
    assert result.latency_ms is not None
    assert result.duration_ms - result.latency_ms >= 1980


@pytest.mark.usefixtures("inventory")
def test_a_host_that_is_not_in_the_inventory_has_no_mapping() -> None:
    result = run_preflight_checks("heer")

    assert (result.status, result.host) == (PreflightStatus.USER_MAPPING_MISSING, "heer")
    assert result.error == "heer: no such host; did you mean here?"


@pytest.mark.usefixtures("inventory")
def test_several_hosts_are_not_one() -> None:
    result = run_preflight_checks("all", check_reachable=False)

    assert result.status is PreflightStatus.USER_MAPPING_MISSING
    assert result.error == "all matches 2 hosts; name one"


def test_each_host_fails_for_its_own_reason_and_the_log_has_them_all(
    settings: Settings, home: Path
) -> None:
    write_inventory(
        home / "inventory.yml",
        good=LOCAL,
        elsewhere=LOCAL | {"dx_hostnames": ["elsewhere"]},
        odd=LOCAL | {"dx_auth_mode": "password"},
        stranger=LOCAL | {"ansible_user": "nobody-of-ours"},
    )
    lines: list[str] = []

    results = check_hosts("all", settings=settings, log_callback=lines.append)

    assert {result.host: str(result.status) for result in results} == {
        "good": "OK",
        "elsewhere": "AUTH_MODE_INVALID",
        "odd": "AUTH_MODE_INVALID",
        "stranger": "AUTH_MODE_INVALID",
    }
    assert [result.host for result in results] == ["good", "elsewhere", "odd", "stranger"]
    assert {line.split()[0] for line in lines} == {"preflight_ok", "preflight_failed"}
    assert len(lines) == 4


def test_a_pattern_without_hosts_is_an_error(settings: Settings) -> None:
    with pytest.raises(NoMatchError, match="gpu:!here: no such host"):
        check_hosts("gpu:!here", settings=settings)


def test_a_timeout_that_makes_no_sense_is_a_usage_error(settings: Settings) -> None:
    with pytest.raises(UsageError, match="timeout is 0"):
        check_hosts("here", settings=settings, timeout_sec=0)


def test_a_host_that_ansible_broke_on_is_not_reachable(playbooks: Path) -> None:
    write_playbook(playbooks / "check-hosts.yml", FAIL)

    result = run_preflight_checks("here")

    assert result.status is PreflightStatus.HOST_UNREACHABLE
    assert result.error == "here: Ansible failed: no such luck"


def test_a_host_that_ansible_says_nothing_of_is_not_reachable(playbooks: Path) -> None:
    said(playbooks, "check-hosts.yml", {"here": records.PREFLIGHT | {"status": "OK"}})

    results = check_hosts("all", settings=Settings.load())

    assert [str(result.status) for result in results] == ["OK", "HOST_UNREACHABLE"]
    assert results[1].error == "twin: Ansible ended (successful) without a result for this host"


def test_playbooks_that_are_broken_are_the_engines_fault(playbooks: Path) -> None:
    (playbooks / "check-hosts.yml").write_text("not a playbook")

    with pytest.raises(EngineError, match="Ansible stopped before it reached a host"):
        run_preflight_checks("here")
