"""Values in the inventory that Ansible can't use, with secrets that ansible-vault has made."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret

from dxansible.errors import InventoryError
from dxansible.fleet import fanout_ssh

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Lab

UNREADABLE = "Attempting to decrypt but no vault secrets found"
NOT_DEFINED = "'nosuch' is undefined"


PASSWORD = "open sesame"  # noqa: S105 - of a vault that a test makes


def encrypted(text: str) -> str:
    """What ansible-vault makes of a text; the program itself takes a second for it."""
    vault = VaultLib([("default", VaultSecret(PASSWORD.encode()))])
    return str(vault.encrypt(text.encode()).decode())


def secret_value(name: str, text: str) -> str:
    """A variable, as ``ansible-vault encrypt_string`` prints it."""
    lines = [f"{name}: !vault |", *encrypted(text).splitlines()]
    return "\n          ".join(lines) + "\n"


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
    path.write_text("---\n" + secret_value("ansible_password", "hunter2"))
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
    calls = [("epyc6", "--exec", "true"), ("--status", "epyc6")]
    if kind == "template":  # the same error, whatever is wrong
        calls += [("epyc6", "a task"), ("--sessions", "epyc6")]
    for arguments in calls:
        answer = here.run(*arguments, "--json")
        assert answer.code == 2, arguments
        error = answer.document["error"]
        assert error["type"] == "InventoryError"
        assert f"epyc6: {variable} in {path}, line " in error["message"]
        assert words in error["message"]
        assert "reached" not in error["message"]
    if kind == "template":
        with pytest.raises(InventoryError, match=variable):
            fanout_ssh("epyc6", "true")


def test_such_hosts_among_several_fail_their_preflight_alone(
    here: Dispatcher, changing: Path
) -> None:
    with (changing / "hosts.yml").open("a") as hosts:
        hosts.write("    fine:\n")
    shutil.copytree(changing / "host_vars/epyc6", changing / "host_vars/fine")
    (changing / "host_vars/fine/dx.yml").write_text("---\ndx_auth_mode: ssh_key\n")
    names = ("epyc6", "macmini", "homedesktop-wsl")
    spoilt = {name: spoil(changing, kind, name) for name, kind in zip(names, KINDS, strict=True)}

    answer = here.run("all", "--exec", "true", "--json")
    assert answer.code == 3
    results = {result["host"]: result for result in answer.document["results"]}
    assert results.pop("fine")["outcome"] == "SUCCESS"
    assert results.keys() == spoilt.keys()
    for host, (path, variable, words) in spoilt.items():
        broken = results[host]
        assert (broken["outcome"], broken["reason"]) == ("PREFLIGHT_FAILED", "USER_MAPPING_MISSING")
        assert f"{variable} in {path}" in broken["error"]
        assert words in broken["error"]
    listing = here.run("--list", "--json")
    assert listing.code == 3
    statuses = {host["host"]: host["status"] for host in listing.document["hosts"]}
    assert statuses == {"fine": "OK", **dict.fromkeys(names, "USER_MAPPING_MISSING")}


def test_a_secret_whose_password_is_given_is_used(here: Dispatcher, changing: Path) -> None:
    secret = secret_value("dx_secret", "/usr/games")
    password = changing.parent / "password"
    password.write_text(f"{PASSWORD}\n")
    more = changing / "host_vars" / "epyc6" / "more.yml"
    more.write_text(f'---\n{secret}\ndx_path: ["{{{{ dx_secret }}}}"]\n')
    given = {"ANSIBLE_VAULT_PASSWORD_FILE": str(password)}
    answer = here.run("epyc6", "--exec", "echo $PATH", "--json", env=given)
    assert answer.result["stdout"].startswith("/usr/games:")


@pytest.mark.newcomer
@pytest.mark.engines
@pytest.mark.sampled("user")
@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("host_vars/epyc6/more.yml", ("epyc6", "--exec", "true")),
        ("group_vars/all/more.yml", ("--list",)),
        ("hosts.yml", ("epyc6", "--exec", "true")),
    ],
)
def test_a_file_that_is_encrypted_as_a_whole_is_named_and_none_of_ours(
    here: Dispatcher, changing: Path, name: str, call: tuple[str, ...]
) -> None:
    path = changing / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_text("---\nfoo: 1\n")
    path.write_text(encrypted(path.read_text()))
    answer = here.run(*call, "--json")
    assert answer.code == 2
    error = answer.document["error"]
    assert error["type"] == "InventoryError"
    assert UNREADABLE in error["message"]
    assert f"encrypted: {path}" in error["message"]
    assert "zz-groups" not in error["message"]
    assert "ANSIBLE_VAULT_PASSWORD_FILE" in error["remedy"]
    if name == "hosts.yml":
        wrong = changing.parent / "wrong"
        wrong.write_text("not it\n")
        answer = here.run("--list", "--json", env={"ANSIBLE_VAULT_PASSWORD_FILE": str(wrong)})
        error = answer.document["error"]
        assert (answer.code, "Decryption failed" in error["message"]) == (2, True)


def test_how_one_logs_in_may_be_a_template(here: Dispatcher, changing: Path) -> None:
    more = changing / "host_vars" / "epyc6" / "more.yml"
    more.write_text('---\nmode: ssh_key\ndx_auth_mode: "{{ mode }}"\n')
    result = here.run("epyc6", "--exec", "true", "--json").result
    assert result["outcome"] == "SUCCESS"
    more.write_text('---\ndx_auth_mode: "{{ nosuch }}"\n')
    error = here.run("epyc6", "--exec", "true", "--json").document["error"]
    assert "dx_auth_mode in " in error["message"]
