"""Rules of checking an SSH key, with keys of ssh-keygen's and a real agent."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.checks import (
    CheckFailure,
    check_auth,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.record import PreflightStatus
from ansible_collections.dxansible.fleet.plugins.plugin_utils.ssh_config import (
    SshConfig,
)

from tests.unit.collection.test_checks import EPYC6, program
from tests.unit.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SSH = SshConfig(hostname="epyc6", port=22)


def make_key(path: Path, passphrase: str = "", kind: Sequence[str] = ("-t", "ed25519")) -> Path:
    command = ["ssh-keygen", "-q", *kind, "-N", passphrase, "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


@pytest.fixture
def key(home: Path) -> Path:
    """A key without a passphrase."""
    return make_key(home / "key")


@pytest.fixture
def agent(home: Path) -> Iterator[Path]:
    """An agent without keys, of which the environment does not know."""
    path = home / "agent"
    with subprocess.Popen(
        ["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL
    ) as running:
        wait_until(lambda: _listens(path))
        yield path
        running.terminate()


def _listens(agent: Path) -> bool:
    environment = {**os.environ, "SSH_AUTH_SOCK": str(agent)}
    done = subprocess.run(["ssh-add", "-l"], env=environment, capture_output=True, check=False)
    return done.returncode != 2  # 1 is an agent without keys


def add(key: Path, agent: Path) -> None:
    environment = {**os.environ, "SSH_AUTH_SOCK": str(agent)}
    subprocess.run(["ssh-add", "-q", str(key)], env=environment, check=True)


def refusal(*files: Path, key_file: Path | None = None, agent: str | None = None) -> str:
    ssh = replace(SSH, identity_files=tuple(map(str, files)), identity_agent=agent)
    target = replace(EPYC6, key_file=str(key_file) if key_file else None)
    with pytest.raises(CheckFailure) as raised:
        check_auth(target, ssh, 10)
    assert raised.value.status is PreflightStatus.AUTH_MODE_INVALID
    return raised.value.text


def accepts(*files: Path | str, ssh: SshConfig = SSH, key_file: str | None = None) -> bool:
    target = replace(EPYC6, key_file=key_file)
    check_auth(target, replace(ssh, identity_files=tuple(map(str, files))), 10)
    return True


def test_a_key_without_a_passphrase_is_enough(key: Path) -> None:
    assert accepts(key)
    assert accepts(key_file=str(key))


def test_a_key_without_a_passphrase_is_known_by_its_beginning(
    key: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = home / "asked"
    program(monkeypatch, home, "ssh-keygen", f"#!/bin/sh\n>{asked}\nexit 1\n")

    assert accepts(key)
    assert not asked.exists()


@pytest.mark.parametrize("form", ["PEM", "PKCS8"])
def test_a_key_in_another_form_is_enough(home: Path, form: str) -> None:
    key = make_key(home / "other", kind=("-t", "rsa", "-m", form))

    assert "OPENSSH" not in key.read_text()
    assert accepts(key)


@pytest.mark.usefixtures("key")
def test_a_key_may_be_named_by_way_of_the_home_directory() -> None:
    assert accepts("~/key")


def test_one_good_key_of_several_is_enough(key: Path, home: Path) -> None:
    assert accepts(home / "none", make_key(home / "locked", "secret"), key)


def test_without_any_key_the_text_says_how_to_get_one(home: Path) -> None:
    text = refusal(home / "none")

    assert "there is no SSH key (~/.ssh/id_ed25519) and no agent with one" in text
    assert text.endswith("run ssh-keygen or ssh-add")


def test_a_key_that_the_inventory_names_has_to_be_there(key: Path, home: Path) -> None:
    assert f"there is no SSH key ({home}/none)" in refusal(key, key_file=home / "none")


def test_a_key_that_others_can_read_is_not_used_by_ssh(key: Path) -> None:
    key.chmod(0o640)

    assert refusal(key).endswith(f"so ssh won't use it; run: chmod 600 {key}")


def test_a_key_with_a_passphrase_needs_an_agent(home: Path) -> None:
    key = make_key(home / "locked", "secret")

    assert refusal(key).endswith(f"has a passphrase and no agent holds it; run: ssh-add {key}")


def test_a_damaged_key_is_told(key: Path) -> None:
    key.write_text(key.read_text()[:100])

    assert refusal(key) == f"epyc6: the key {key} is damaged or not a private key"


def test_a_key_that_cannot_be_read_is_told_and_root_can_read_them_all(key: Path) -> None:
    key.chmod(0)

    if os.geteuid() == 0:
        assert accepts(key)
    else:
        assert refusal(key).endswith("can't be read; check its owner and mode")


def test_a_key_of_an_agent_is_enough(
    key: Path, agent: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(key, agent)

    monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
    assert accepts(home / "none")
    assert accepts(home / "none", ssh=replace(SSH, identity_agent="SSH_AUTH_SOCK"))


def test_ssh_s_own_agent_counts_whatever_the_environment_says(key: Path, agent: Path) -> None:
    add(key, agent)

    assert accepts(ssh=replace(SSH, identity_agent=str(agent)))
    assert accepts(ssh=replace(SSH, identity_agent="~/agent"))


def test_an_agent_without_keys_is_not_enough(
    agent: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))

    assert "no agent with one" in refusal(home / "none")


def test_an_agent_that_ssh_is_told_not_to_use_does_not_count(
    key: Path, agent: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(key, agent)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))

    assert "no agent with one" in refusal(home / "none", agent="none")


@pytest.mark.parametrize("name", ["ssh-add", "ssh-keygen"])
def test_a_program_that_hangs_decides_nothing(
    key: Path, home: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    program(monkeypatch, home, name, "#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setenv("SSH_AUTH_SOCK", str(home / "agent"))

    check_auth(EPYC6, replace(SSH, identity_files=(str(key),)), 0.2)


def test_without_ssh_s_programs_the_connection_decides(
    key: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(home))
    monkeypatch.setenv("SSH_AUTH_SOCK", str(home / "agent"))

    assert accepts(key)


@pytest.mark.usefixtures("home")
def test_a_password_or_a_smart_card_needs_no_key() -> None:
    check_auth(replace(EPYC6, has_password=True), SSH, 5)
    check_auth(EPYC6, replace(SSH, pkcs11=True), 5)


def test_a_password_for_sshpass_needs_that_program(monkeypatch: pytest.MonkeyPatch) -> None:
    target = replace(EPYC6, auth_mode="ssh_key", has_password=True)
    monkeypatch.setenv("PATH", "/nonexistent")

    check_auth(target, SSH, 5)
    with pytest.raises(CheckFailure, match="its password needs sshpass") as caught:
        check_auth(replace(target, needs_sshpass=True), SSH, 5)

    assert caught.value.status is PreflightStatus.AUTH_MODE_INVALID
