"""Runs with an inventory that an engine keeps: the same as without, and never an old one."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.unit.engine.person import ROOT, Answer, Person, answer
from tests.unit.local_vm import write_playbook
from tests.unit.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

GROUPS = ROOT / "playbooks" / "groups" / "zz-groups.yml"
PADDING = "# to be large\n" * 8_000
HOSTS = "all: {vars: {colour: red}, hosts: {first: {dx_aliases: [one]}, second: {}}}\n"
RICH = """
all:
  vars:
    everywhere: "{{ colour | default('none') }}"
    unsafe: !unsafe "{{ 7 * 7 }}"
    nested: {list: [1, 2.5, true, null, 2020-01-02, "{{ 6 * 7 }}"]}
    secret: !vault |
      SECRET
  hosts:
    first: {dx_aliases: [one, two words], colour: red}
    "second:2222": {colour: !unsafe "{{ no }}", nested: {mine: yes}}
    host[1:3].example.com: {dx_capabilities: [gpu-2, gpu]}
    10.0.0.1: {}
    localhost: {ansible_connection: local}
  children:
    web-servers:
      vars: {colour: web}
      hosts: {host1.example.com: {}, second: {}}
    late: {vars: {ansible_group_priority: 9, colour: late}, hosts: {host1.example.com: {}}}
    parent: {children: {web-servers: {}, empty: {}}}
"""
INI = """
[db]
first
second colour="{{ 'b' ~ 'lue' }}" number=5
third ansible_port=22
[db:vars]
list=[1, "two"]
"""
FILE = """
file: ["{{ 6 * 7 }}", !unsafe "{{ no }}", 2020-01-02]
file_secret: !vault |
  SECRET
"""
DUMP: list[dict[str, Any]] = [
    {"add_host": {"name": "added", "groups": ["late", "new"], "colour": "added"}},
    {"debug": {"msg": "{{ dict(hostvars) | to_json }}"}},
    {"debug": {"msg": "{{ groups }} {{ group_names }} {{ ansible_play_hosts_all }}"}},
]
_PARSED = """
import sys
class FilterModule:
    def filters(self):
        return {"parsed": lambda name: f"ansible.plugins.inventory.{name}" in sys.modules}
"""
"""Tells whether this run has parsed an inventory: then it has loaded the plugin for it."""


class Seen(NamedTuple):
    """What a run has of an inventory, and whether it had to parse for it."""

    value: str
    parsed: bool


class Site:
    """Somebody with a large inventory, and what else a run of theirs has."""

    def __init__(self) -> None:
        self.person = Person()
        self.home = self.person.home
        self.inventory = write(self.home / "site.yml", HOSTS)
        self.secret = self.home / "secret"
        self.secret.write_text("secret")
        (self.home / "filter_plugins").mkdir()
        (self.home / "filter_plugins" / "parsed.py").write_text(_PARSED)

    def run(self, tasks: list[dict[str, Any]], *arguments: str, **options: Any) -> Answer:  # noqa: ANN401 - Popen's own
        """Run them on the first host, with the inventory and with groups made from it."""
        play = write_playbook(self.home / "play.yml", *tasks)
        sources = ("-i", str(self.inventory), "-i", str(GROUPS), "-l", "first")
        vault = ("--vault-password-file", str(self.secret))
        return answer(self.person.playbook(*sources, *vault, *arguments, str(play), **options))

    def see(self, what: str, *arguments: str, kind: str = "yaml", **options: Any) -> Seen:  # noqa: ANN401 - Popen's own
        """What an expression is to a run."""
        shown = f"<{{{{ {what} }}}}><{{{{ '{kind}' | parsed }}}}>"
        said = self.run([{"debug": {"msg": shown}}], *arguments, **options)
        assert said.code == 0, said.out + said.err
        value, parsed = said.out.partition('"msg": "<')[2].partition('>"')[0].split("><")
        return Seen(value, parsed == "True")

    def keep(self) -> None:
        """Have an engine keep it."""
        wait_until(lambda: not self.see("1").parsed)


def write(path: Path, text: str) -> Path:
    path.write_text(text + PADDING)
    return path


@pytest.fixture
def site() -> Iterator[Site]:
    """An inventory that an engine keeps."""
    made = Site()
    made.keep()
    yield made
    made.person.close()


def edit(site: Site) -> None:
    write(site.inventory, HOSTS.replace("red", "new"))


def add_group_vars(site: Site) -> None:
    (site.home / "group_vars").mkdir()
    (site.home / "group_vars" / "one.yml").write_text("colour: new\n")


def configure(site: Site) -> None:
    (site.home / "ansible.cfg").write_text("[defaults]\ninventory_unparsed_warning = no\n")
    edit(site)


@pytest.mark.parametrize("change", [edit, add_group_vars, configure])
def test_a_change_is_seen_at_once(site: Site, change: Callable[[Site], None]) -> None:
    assert site.see("colour") == ("red", False)
    change(site)

    assert site.see("colour").value == "new"
    site.keep()
    assert site.see("colour") == ("new", False)


def test_a_file_that_becomes_executable_is_a_script_at_once(site: Site) -> None:
    interpreter = site.home / "interpreter"
    found = {"one": {"hosts": ["first"], "vars": {"colour": "run"}}}
    interpreter.write_text(f"#!/bin/sh\necho '{json.dumps(found)}'\n")
    interpreter.chmod(0o755)
    write(site.inventory, f"#!{interpreter}\n{HOSTS}")
    site.keep()
    assert site.see("colour") == ("red", False)
    site.inventory.chmod(0o755)

    for _ in range(2):
        assert site.see("colour").value == "run"


def test_a_small_inventory_is_parsed_by_each_run(site: Site) -> None:
    site.inventory.write_text(HOSTS)
    wait_until(lambda: site.person.reason(site.run([])) == "")

    assert site.see("colour") == ("red", True)


def test_a_playbook_with_plugins_that_may_have_a_part_in_parsing_parses(site: Site) -> None:
    plugins = site.home / "vars_plugins"
    plugins.mkdir()
    (plugins / "mine.py").write_text(
        "from ansible.plugins.vars import BaseVarsPlugin\n"
        "class VarsModule(BaseVarsPlugin):\n"
        "    def get_vars(self, *_):\n        return {'dx_aliases': ['mine']}\n"
    )

    assert site.see("groups.mine") == ("['first', 'second']", True)


def test_facts_of_earlier_runs_may_make_groups(site: Site) -> None:
    facts = site.home / "facts"
    env = {"ANSIBLE_CACHE_PLUGIN": "jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(facts)}
    wait_until(lambda: not site.see("1", env=env).parsed)
    fact = {"set_fact": {"dx_aliases": ["fact"], "cacheable": True}}
    assert site.run([fact], env=env).code == 0

    assert site.see("groups.fact", env=env) == ("['first']", True)


def test_a_run_that_tells_how_it_parses_parses(site: Site) -> None:
    said = site.run([], "-vvv")

    assert f"Parsed {site.inventory} inventory source with yaml plugin" in said.out


def encrypted(text: str, site: Site) -> str:
    vault = import_module("ansible.parsing.vault")
    secret = vault.VaultSecret(site.secret.read_bytes())
    return vault.VaultLib([("default", secret)]).encrypt(text, secret).decode()  # type: ignore[no-any-return]


def rich(site: Site) -> str:
    secret = encrypted("the {{ colour }} secret", site).replace("\n", "\n      ")
    return RICH.replace("SECRET", secret)


@pytest.mark.parametrize("kind", ["yaml", "ini"])
def test_a_run_is_the_same_as_without(site: Site, kind: str) -> None:
    own = FILE.replace("SECRET", encrypted("{{ colour }}", site).replace("\n", "\n  "))
    for name, variables in (("group_vars/late.yml", "file: late"), ("host_vars/first", own)):
        (site.home / name).parent.mkdir(exist_ok=True)
        (site.home / name).write_text(variables)
    site.inventory = write(site.home / f"other.{kind}", rich(site) if kind == "yaml" else INI)
    wait_until(lambda: not site.see("1", kind=kind).parsed)
    limits = site.home / "limits"
    limits.write_text("second\nlate\n")
    for limit in ("all", f"@{limits}", "!late:~sec.*"):
        arguments = ("-f", "1", "-l", limit, "-e", "colour=extra")
        slow = site.run(DUMP, *arguments, env={"DX_ENGINE": "off"})
        fast = site.run(DUMP, *arguments)

        assert (fast.code, fast.out, fast.err) == (slow.code, slow.out, slow.err)
        assert site.person.reason(fast) == ""
    assert "added" not in site.see("groups.all").value
    assert not site.see("1", kind=kind).parsed
