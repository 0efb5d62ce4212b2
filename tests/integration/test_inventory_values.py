"""Values in the inventory that Ansible can't use, with secrets that ansible-vault has made."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dxansible.errors import InventoryError
from dxansible.fleet import fanout_ssh

if TYPE_CHECKING:
    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Lab

UNREADABLE = "Attempting to decrypt but no vault secrets found"
NOT_DEFINED = "'nosuch' is undefined"


def vault(directory: Path, *arguments: str) -> str:
    """What ansible-vault prints, with the password in a file there."""
    password = directory / "password"
    password.write_text("open sesame\n")
    program = str(Path(sys.executable).parent / "ansible-vault")
    command = [program, *arguments, "--vault-password-file", str(password)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def changing(here: Dispatcher, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The lab's inventory, for a test to change."""
    copy = tmp_path / "inventory"
    shutil.copytree(lab.inventory, copy)
    here.environment["DX_INVENTORY"] = str(copy)
    monkeypatch.setenv("DX_INVENTORY", str(copy))
    return copy


def spoil(changing: Path, kind: str, host: str = "epyc6") -> tuple[Path, str, str]:
    """Add a value that can't be used; return its file, its name and what Ansible says of it."""
    path = changing / "host_vars" / host / "more.yml"
    if kind == "template":
        path.write_text('---\nansible_host: "{{ nosuch }}"\n')
        return path, "ansible_host", NOT_DEFINED
    if kind == "template of ours":
        path.write_text('---\ndx_path:\n  - /usr/bin\n  - "{{ nosuch }}"\n')
        return path, "dx_path", NOT_DEFINED
    secret = vault(changing.parent, "encrypt_string", "hunter2", "--name", "ansible_password")
    path.write_text(f"---\n{secret}")
    return path, "ansible_password", UNREADABLE


KINDS = ("template", "template of ours", "secret")


@pytest.mark.newcomer
@pytest.mark.engines
@pytest.mark.sampled("user")
@pytest.mark.parametrize("kind", KINDS)
def test_a_value_that_can_t_be_used_is_a_configuration_error_in_every_mode(
    here: Dispatcher, changing: Path, kind: str
) -> None:
    path, variable, words = spoil(changing, kind)
    calls = [("epyc6", "--exec", "true"), ("epyc6", "a task"), ("--status", "epyc6")]
    if variable != "dx_path":  # which nobody needs who only reads
        calls += [("--sessions", "epyc6")]
    for arguments in calls:
        answer = here.run(*arguments, "--json")
        assert answer.code == 2, arguments
        error = answer.document["error"]
        assert error["type"] == "InventoryError"
        assert f"epyc6: {variable} in {path}, line " in error["message"]
        assert words in error["message"]
        assert "reached" not in error["message"]
    with pytest.raises(InventoryError, match=variable):
        fanout_ssh("epyc6", "true")


@pytest.mark.parametrize("kind", KINDS)
def test_one_such_host_among_several_fails_its_preflight_alone(
    here: Dispatcher, changing: Path, kind: str
) -> None:
    path, variable, words = spoil(changing, kind)
    answer = here.run("all", "--exec", "true", "--json")
    assert answer.code == 3
    results = {result["host"]: result for result in answer.document["results"]}
    broken = results.pop("epyc6")
    assert (broken["outcome"], broken["reason"]) == ("PREFLIGHT_FAILED", "USER_MAPPING_MISSING")
    assert f"{variable} in {path}" in broken["error"]
    assert words in broken["error"]
    assert {result["outcome"] for result in results.values()} == {"SUCCESS"}
    listing = here.run("--list", "--json")
    assert listing.code == 3
    statuses = {host["host"]: host["status"] for host in listing.document["hosts"]}
    assert statuses.pop("epyc6") == "USER_MAPPING_MISSING"
    assert set(statuses.values()) == {"OK"}


def test_a_secret_whose_password_is_given_is_used(here: Dispatcher, changing: Path) -> None:
    secret = vault(changing.parent, "encrypt_string", "/usr/games", "--name", "dx_secret")
    more = changing / "host_vars" / "epyc6" / "more.yml"
    more.write_text(f'---\n{secret}\ndx_path: ["{{{{ dx_secret }}}}"]\n')
    given = {"ANSIBLE_VAULT_PASSWORD_FILE": str(changing.parent / "password")}
    answer = here.run("epyc6", "--exec", "echo $PATH", "--json", env=given)
    assert answer.result["stdout"].startswith("/usr/games:")


@pytest.mark.newcomer
@pytest.mark.engines
@pytest.mark.sampled("user")
@pytest.mark.parametrize(
    "name", ["host_vars/epyc6/more.yml", "group_vars/all/more.yml", "hosts.yml"]
)
def test_a_file_that_is_encrypted_as_a_whole_is_named_and_none_of_ours(
    here: Dispatcher, changing: Path, name: str
) -> None:
    path = changing / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_text("---\nfoo: 1\n")
    vault(changing.parent, "encrypt", str(path))
    for arguments in (("epyc6", "--exec", "true"), ("--list",)):
        answer = here.run(*arguments, "--json")
        assert answer.code == 2
        error = answer.document["error"]
        assert error["type"] == "InventoryError"
        assert UNREADABLE in error["message"]
        assert f"encrypted: {path}" in error["message"]
        assert "zz-groups" not in error["message"]
        assert "ANSIBLE_VAULT_PASSWORD_FILE" in error["remedy"]
    wrong = changing.parent / "wrong"
    wrong.write_text("not it\n")
    answer = here.run("--list", "--json", env={"ANSIBLE_VAULT_PASSWORD_FILE": str(wrong)})
    assert (answer.code, "Decryption failed" in answer.document["error"]["message"]) == (2, True)


def test_how_one_logs_in_may_be_a_template(here: Dispatcher, changing: Path) -> None:
    more = changing / "host_vars" / "epyc6" / "more.yml"
    more.write_text('---\nmode: ssh_key\ndx_auth_mode: "{{ mode }}"\n')
    result = here.run("epyc6", "--exec", "true", "--json").result
    assert result["outcome"] == "SUCCESS"
    more.write_text('---\ndx_auth_mode: "{{ nosuch }}"\n')
    error = here.run("epyc6", "--exec", "true", "--json").document["error"]
    assert "dx_auth_mode in " in error["message"]
