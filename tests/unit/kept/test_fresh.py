"""An engine is never stale: whatever changes is seen by the next call."""

from __future__ import annotations

import shutil
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret

from tests.unit.kept.person import ROOT, Person, settle
from tests.unit.local_vm import LOCAL, write_inventory
from tests.unit.waiting import runs, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator


def seen(person: Person, text: str = "echo $PATH") -> str:
    said = person.run("all", "--exec", text, "-v")
    assert said.code == 0, said.err
    return said.out


def test_an_edited_inventory_is_seen_at_once(person: Person) -> None:
    for host in ("first", "second"):
        write_inventory(person.inventory, **{host: LOCAL})
        said = person.run("all", "--exec", "echo hi", "-v")

        assert (said.code, f"session host={host} " in said.err) == (0, True)
        settle(person.inventory)
        assert person.run("all", "--exec", "echo hi", "-v").code == 0


@pytest.mark.parametrize(
    ("kind", "paths"),
    [("host_vars/here.yml", ("/one", "/two")), ("group_vars/all.yml", ("/one",))],
)
def test_variables_in_files_are_seen_at_once_made_edited_and_removed(
    person: Person, kind: str, paths: tuple[str, ...]
) -> None:
    file = person.home / kind
    assert "/one" not in seen(person)
    (engine,) = person.pids()
    file.parent.mkdir()
    for path in paths:
        file.write_text(f"dx_path: [{path}]\n")
        assert path in seen(person)
        settle(file)
        assert path in seen(person)
        assert path in seen(person)
    file.unlink()
    assert paths[-1] not in seen(person)
    wait_until(lambda: not runs(engine))


def test_a_template_in_a_variable_is_evaluated_for_each_call(person: Person) -> None:
    word = person.home / "word"
    path = f"/{{{{ lookup('file', '{word}') }}}}"
    write_inventory(person.inventory, here=LOCAL | {"dx_path": [path]})
    settle(person.inventory)
    for text in ("one", "two"):
        word.write_text(text)
        assert f"/{text}" in seen(person)
    assert len(person.pids()) == 1


def test_a_vault_with_another_password_is_seen_at_once(person: Person) -> None:
    password, file = person.home / "password", person.home / "group_vars" / "all.yml"
    person.environment["ANSIBLE_VAULT_PASSWORD_FILE"] = str(password)
    password.write_text("good")
    file.parent.mkdir()
    vault = VaultLib([("default", VaultSecret(b"good"))])
    file.write_bytes(vault.encrypt(b"dx_path: [/vaulted]\n"))
    settle(file, password)
    for _ in range(3):
        assert "/vaulted" in seen(person)
    password.write_text("bad")

    assert person.run("all", "--exec", "true").code != 0


def test_a_plugin_of_the_users_wins_from_the_moment_that_it_is_there(person: Person) -> None:
    person.warm()
    plugin = person.home / ".ansible" / "plugins" / "connection" / "local.py"
    plugin.parent.mkdir(parents=True)
    source = Path(str(import_module("ansible.plugins.connection.local").__file__)).read_text()
    before = "def exec_command(self, cmd: str"
    assert before in source
    note = f"open({str(person.home / 'mine')!r}, 'w').close()"
    text, count = source, source.count("display.vvv(")
    assert count
    plugin.write_text(text.replace("display.vvv(", f"{note}; display.vvv(", 1))
    said = person.say()

    assert (said.code, said.out) == (0, "hi\n"), said.err
    assert (person.home / "mine").exists()


def test_a_setting_in_the_environment_is_seen_at_once(person: Person) -> None:
    for value in ("one", "two", "one"):
        said = person.run(
            "all", "--exec", "echo $MINE", "-v", env={"MINE": value, "DX_ENGINE_PATIENCE": "60"}
        )
        assert said.out.count(value) == 2  # both hosts are this machine
    assert len(person.pids()) == 2


def test_an_ansible_cfg_is_seen_at_once(person: Person) -> None:
    person.warm()
    (engine,) = person.pids()
    (person.home / "ansible.cfg").write_text("[defaults]\nlog_path = ~/log\n")
    said = person.say()

    assert (said.code, (person.home / "log").exists()) == (0, True)
    wait_until(lambda: not runs(engine))


@pytest.fixture
def editable() -> Iterator[tuple[Person, Path]]:
    """Somebody with a copy of the package that may be edited."""
    somebody = Person()
    copy = somebody.home / "copy"
    for name in ("dxansible", "playbooks", "inventory"):
        shutil.copytree(ROOT / name, copy / name)
    shutil.copy(ROOT / "pyproject.toml", copy)
    somebody.environment["PYTHONPATH"] = str(copy)
    yield somebody, copy
    somebody.close()


@pytest.mark.parametrize(
    "module",
    [
        "dxansible/run/backend.py",
        "playbooks/collections/ansible_collections/dxansible/fleet/plugins/plugin_utils/keeper.py",
    ],
)
def test_an_edited_program_is_seen_at_once_and_ends_the_engine(
    editable: tuple[Person, Path], module: str
) -> None:
    person, copy = editable
    settle(*copy.rglob("*.py"))
    person.warm()
    family = person.family()
    source = copy / module
    with source.open("a") as file:  # in place, as some editors do
        file.write("# edited\n")
    said = person.say()

    assert (said.code, said.out, said.reason) == (0, "hi\n", "")
    wait_until(lambda: not any(map(runs, family)))
