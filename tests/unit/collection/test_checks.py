"""Rules of the checks that need no network: mapping, local VMs, ssh's own configuration."""

from __future__ import annotations

import getpass
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.checks import (
    AUTH_MODES,
    CheckFailure,
    Target,
    check_auth,
    check_mapping,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.record import PreflightStatus
from ansible_collections.dxansible.fleet.plugins.plugin_utils.ssh_config import (
    SshConfig,
    read_ssh_config,
)

if TYPE_CHECKING:
    from pathlib import Path

HERE = socket.gethostname()
EPYC6 = Target(
    name="epyc6",
    address="100.64.0.6",
    port=None,
    user="feng",
    auth_mode="ssh_key",
    connection="ssh",
)
LOCAL = Target(
    name="homedesktop-wsl",
    address="homedesktop-wsl",
    port=None,
    user=getpass.getuser(),
    auth_mode="local",
    connection="local",
    hostnames=("homedesktop-wsl", HERE),
)


def program(monkeypatch: pytest.MonkeyPatch, directory: Path, name: str, script: str) -> None:
    (directory / name).write_text(script)
    (directory / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}:/usr/bin:/bin")


def failure(target: Target, ssh: SshConfig | None = None) -> CheckFailure:
    with pytest.raises(CheckFailure) as raised:
        check_auth(target, ssh, 5)
    return raised.value


@pytest.mark.parametrize("mode", AUTH_MODES)
def test_a_host_with_a_user_and_a_login_method_is_mapped(mode: str) -> None:
    check_mapping(replace(EPYC6, auth_mode=mode))


@pytest.mark.parametrize("user", [None, ""])
def test_a_host_without_a_user_has_no_mapping(user: str | None) -> None:
    with pytest.raises(CheckFailure) as raised:
        check_mapping(replace(EPYC6, user=user))

    assert raised.value.status is PreflightStatus.USER_MAPPING_MISSING
    assert "epyc6 has no user in the inventory; set ansible_user" in raised.value.text


@pytest.mark.parametrize("mode", ["password", "", "SSH_KEY"])
def test_a_login_method_that_does_not_exist_is_invalid(mode: str) -> None:
    with pytest.raises(CheckFailure) as raised:
        check_mapping(replace(EPYC6, auth_mode=mode))

    assert raised.value.status is PreflightStatus.AUTH_MODE_INVALID
    assert "has to be one of local, tailscale, ssh_key" in raised.value.text


@pytest.mark.parametrize("name", [HERE, HERE.upper(), HERE.partition(".")[0]])
def test_a_local_vm_is_this_machine_by_any_of_its_names(name: str) -> None:
    check_auth(replace(LOCAL, hostnames=("homedesktop-wsl", name)), None, 5)


def test_a_local_vm_addressed_from_elsewhere_fails_and_says_where_to_go() -> None:
    failed = failure(replace(LOCAL, hostnames=("homedesktop-wsl",)))

    assert failed.status is PreflightStatus.AUTH_MODE_INVALID
    assert f"this machine is {HERE}; run this on homedesktop-wsl" in failed.text


def test_a_local_vm_that_has_another_user_fails() -> None:
    failed = failure(replace(LOCAL, user="nobody-of-ours"))

    assert failed.status is PreflightStatus.AUTH_MODE_INVALID
    assert failed.text.endswith("the inventory says nobody-of-ours; run this as nobody-of-ours")


@pytest.mark.parametrize("connection", ["ssh", "paramiko"])
def test_a_local_vm_with_another_connection_contradicts_itself(connection: str) -> None:
    failed = failure(replace(LOCAL, connection=connection))

    assert failed.status is PreflightStatus.AUTH_MODE_INVALID
    assert "set both to local" in failed.text


def test_a_local_connection_needs_no_name_of_this_machine_unless_the_mode_is_local() -> None:
    check_auth(replace(LOCAL, auth_mode="ssh_key", hostnames=()), None, 5)


def test_a_connection_that_is_not_ssh_brings_its_own_login() -> None:
    check_auth(replace(EPYC6, connection="community.docker.docker"), None, 5)


@pytest.mark.parametrize(
    ("state", "status"),
    [("Stopped", PreflightStatus.AUTH_MODE_INVALID), ("Running", PreflightStatus.HOST_UNREACHABLE)],
)
def test_tailscale_tells_whose_fault_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, state: str, status: PreflightStatus
) -> None:
    peer = '{"k": {"DNSName": "epyc6.x.ts.net.", "Online": false}}'
    answer = f'{{"BackendState": "{state}", "Peer": {peer}}}'
    program(monkeypatch, tmp_path, "tailscale", f"#!/bin/sh\necho '{answer}'\n")

    failed = failure(replace(EPYC6, auth_mode="tailscale"))

    assert failed.status is status
    assert failed.text.startswith("epyc6: ")


def test_tailscale_knows_a_host_by_ssh_s_name_for_it_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answer = '{"BackendState": "Running", "Peer": {"k": {"HostName": "box", "Online": true}}}'
    program(monkeypatch, tmp_path, "tailscale", f"#!/bin/sh\necho '{answer}'\n")
    target = replace(EPYC6, auth_mode="tailscale")

    check_auth(target, SshConfig(hostname="box", port=22), 5)
    assert failure(target).status is PreflightStatus.AUTH_MODE_INVALID


def test_ssh_is_asked_for_what_it_would_do(home: Path) -> None:
    (home / "config").write_text(
        "Host vm\n  HostName 127.0.0.9\n  Port 2222\n  StrictHostKeyChecking accept-new\n"
        "  IdentityFile ~/one\n  IdentityFile ~/two\n  IdentityAgent ~/agent\n"
        "  AddressFamily inet\n"
    )

    found, files = read_ssh_config(["-F", str(home / "config"), "--", "vm"], 5)

    assert files == [str(home / "config")]
    assert (found.hostname, found.port, found.strict) == ("127.0.0.9", 2222, "accept-new")
    assert [path.rpartition("/")[2] for path in found.identity_files] == ["one", "two"]
    assert str(found.identity_agent).endswith("/agent")
    assert (found.proxied, found.pkcs11, found.family) == (False, False, socket.AF_INET)


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("User=feng", {"user": "feng"}),
        (f"User={getpass.getuser()}", {"user": None}),
        ("ProxyJump=gate", {"proxied": True}),
        ("ProxyCommand=nc %h %p", {"proxied": True}),
        ("AddressFamily=inet6", {"family": socket.AF_INET6}),
        ("PKCS11Provider=/usr/lib/pkcs11.so", {"pkcs11": True}),
        ("StrictHostKeyChecking=no", {"strict": "false"}),
    ],
)
@pytest.mark.usefixtures("home")
def test_ssh_s_options_make_a_difference(option: str, expected: dict[str, object]) -> None:
    found, _ = read_ssh_config(["-F", "none", "-o", option, "--", "vm"], 5)

    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.usefixtures("home")
def test_without_options_ssh_asks_about_unknown_hosts_at_port_22() -> None:
    found, _ = read_ssh_config(["-F", "none", "--", "vm"], 5)

    assert (found.hostname, found.port, found.user, found.strict) == ("vm", 22, None, "ask")
    assert (found.proxied, found.identity_agent, found.family) == (False, None, socket.AF_UNSPEC)


@pytest.mark.usefixtures("home")
def test_a_configuration_that_ssh_cannot_use_is_told_in_its_own_words() -> None:
    with pytest.raises(CheckFailure) as raised:
        read_ssh_config(["-o", "NoSuchOption=1", "--", "vm"], 5)

    assert raised.value.status is PreflightStatus.AUTH_MODE_INVALID
    assert "nosuchoption" in raised.value.text.lower()
    assert "debug" not in raised.value.text


def test_without_an_ssh_client_the_text_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(CheckFailure, match=r"install openssh-client"):
        read_ssh_config(["--", "vm"], 5)


def test_a_configuration_that_takes_for_ever_is_a_timeout(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program(monkeypatch, tmp_path, "ssh", "#!/bin/sh\nexec sleep 60\n")

    with pytest.raises(CheckFailure) as raised:
        read_ssh_config(["--", "vm"], 0.2)

    assert raised.value.status is PreflightStatus.TIMEOUT
    assert "ssh -G took over 0.2 s; look at Match exec" in raised.value.text
