"""An engine is never stale: whatever changes is seen by the next call."""

from __future__ import annotations

import shutil
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from tests.unit.engine.person import ROOT, Person, answer
from tests.unit.local_vm import LOCAL, write_inventory, write_playbook
from tests.unit.waiting import runs, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

import pytest


def shown(person: Person, what: str, **env: str) -> tuple[str, str]:
    """What an expression is to a playbook, and why there was no engine, if there was none."""
    task = {"name": "Show", "ansible.builtin.debug": {"msg": f"<{{{{ {what} }}}}>"}}
    play = write_playbook(person.home / "show.yml", task)
    said = answer(person.playbook("-i", "here,", str(play), env=env))
    assert said.code == 0, said.out + said.err
    return said.out.partition('"msg": "<')[2].partition('>"')[0], person.reason(said)


def test_an_edited_inventory_is_seen_at_once(regular: Person) -> None:
    inventory = regular.home / "other.yml"
    for host in ("first", "second"):
        write_inventory(inventory, **{host: LOCAL})
        said = answer(regular.dispatch("all", "--exec", "echo hi", "-v", "-i", str(inventory)))

        assert (said.code, f"session host={host}" in said.err) == (0, True)
        assert regular.reason(said) == ""


def test_an_edited_playbook_and_a_changed_environment_are_seen_at_once(regular: Person) -> None:
    assert shown(regular, "lookup('env', 'MINE')", MINE="1") == ("1", "")
    assert shown(regular, "lookup('env', 'MINE')", MINE="2") == ("2", "")
    assert shown(regular, "'three'") == ("three", "")


def test_an_edited_plugin_is_seen_at_once(regular: Person) -> None:
    plugin = regular.home / "filter_plugins" / "say.py"
    plugin.parent.mkdir()
    for word in ("one", "other"):
        plugin.write_text(
            f"class FilterModule:\n def filters(self): return {{'say': lambda x: '{word}'}}\n"
        )

        assert shown(regular, "1 | say") == (word, "")


def test_a_plugin_of_a_run_wins_over_the_one_of_ansible_that_has_its_name(regular: Person) -> None:
    plugin = regular.home / "connection_plugins" / "local.py"
    plugin.parent.mkdir()
    source = Path(str(import_module("ansible.plugins.connection.local").__file__)).read_text()
    description = '""" run a command on the local host """'
    assert description in source
    plugin.write_text(source.replace(description, "cmd = 'echo mine'"))
    play = write_playbook(
        regular.home / "raw.yml", {"name": "Say", "ansible.builtin.raw": "echo ansible"}
    )
    inventory = write_inventory(regular.home / "local.yml", here={"ansible_connection": "local"})
    answers = [
        answer(regular.playbook("-v", "-i", str(inventory), str(play), env=env))
        for env in ({"DX_ENGINE": "off"}, {})
    ]

    assert regular.reason(answers[1]) == ""
    assert answers[0].out == answers[1].out
    assert "mine" in answers[1].out


def test_a_setting_in_the_environment_is_seen_at_once(regular: Person) -> None:
    assert shown(regular, "lookup('config', 'DEFAULT_TIMEOUT')") == ("10", "")
    timeout = shown(regular, "lookup('config', 'DEFAULT_TIMEOUT')", ANSIBLE_TIMEOUT="77")

    assert timeout == ("77", "")  # of an engine of its own


def test_the_setting_that_each_run_has_its_own_value_of_is_the_runs(regular: Person) -> None:
    for value in ("/tmp/one", "/tmp/two"):
        env = {"ANSIBLE_CACHE_PLUGIN_CONNECTION": value}

        assert shown(regular, "lookup('config', 'CACHE_PLUGIN_CONNECTION')", **env) == (value, "")


def test_an_ansible_cfg_is_seen_at_once_made_edited_and_removed(person: Person) -> None:
    person.warm_playbooks()
    config = person.home / "ansible.cfg"
    for timeout in ("33", "44"):
        config.write_text(f"[defaults]\ntimeout = {timeout}\n")
        assert shown(person, "lookup('config', 'DEFAULT_TIMEOUT')")[0] == timeout
        wait_until(lambda: shown(person, "'x'") == ("x", ""))
        assert shown(person, "lookup('config', 'DEFAULT_TIMEOUT')") == (timeout, "")
    config.unlink()
    assert shown(person, "lookup('config', 'DEFAULT_TIMEOUT')")[0] == "10"


@pytest.fixture
def editable() -> Iterator[tuple[Person, Path]]:
    """Somebody with a copy of the package that may be edited."""
    somebody = Person()
    copy = somebody.home / "copy"
    shutil.copytree(ROOT / "dxansible", copy / "dxansible")
    somebody.environment["PYTHONPATH"] = str(copy)
    yield somebody, copy / "dxansible"
    somebody.close()


def test_an_edited_program_is_seen_at_once_and_ends_the_engine(
    editable: tuple[Person, Path],
) -> None:
    person, package = editable
    answer(person.dispatch("--version"))
    wait_until(lambda: bool(list(person.engines.glob("*.sock"))))
    assert answer(person.dispatch("--help")).code == 0
    (engine,) = person.pids()
    source = package / "cli.py"
    with source.open("r+") as file:  # in place, as some editors do
        text = file.read().replace("Hand tasks and commands", "HAND TASKS AND COMMANDS")
        file.seek(0)
        file.write(text)

    assert "HAND TASKS AND COMMANDS" in answer(person.dispatch("--help")).out
    wait_until(lambda: not runs(engine))
