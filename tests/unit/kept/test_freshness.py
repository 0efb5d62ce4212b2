"""What an engine is made of: looked at before each call, and kept only if it comes from files."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import pytest

from tests.unit.kept.person import ROOT, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

GROUPS = ROOT / "playbooks" / "groups" / "zz-groups.yml"
HOSTS = "all: {vars: {colour: red}, hosts: {first: {dx_aliases: [one]}, second: {}}}\n"
MORE = "all: {hosts: {first: {colour: more}}}\n"
_ENGINE = """
import sys, time
from ansible import context
from ansible.module_utils.common.collections import ImmutableDict
from ansible.plugins.loader import init_plugin_loader
init_plugin_loader([])
from ansible_collections.dxansible.fleet.plugins.plugin_utils.freshness import *
for line in sys.stdin:
    settled, *sources = line.split()
    context.CLIARGS = ImmutableDict(inventory=sources, args=["/no/such/playbook.yml"])
    try:
        kept = Freshness(time.time() + float(settled))
        print("kept", flush=True)
    except NotCacheable as reason:
        kept = None
        print("not kept" if reason.lasting else "not yet", flush=True)
        print(reason, file=sys.stderr)
    sys.stdin.readline()
    print("stale" if kept and kept.changed() else "fresh", flush=True)
"""


@dataclass(frozen=True, slots=True)
class Engine:
    """What has Ansible loaded, and loads inventories."""

    orders: IO[str]
    answers: IO[str]
    home: Path

    def load(self, *sources: Path, settled: float = 10) -> str:
        """Whether these sources are kept; all that is older than ``-settled`` seconds counts."""
        return self._ask(" ".join(map(str, (settled, *sources))))

    def look(self) -> str:
        """Whether something has changed since."""
        return self._ask("")

    def _ask(self, order: str) -> str:
        self.orders.write(f"{order}\n")
        self.orders.flush()
        return self.answers.readline().strip()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One for a file of tests."""
    home = tmp_path_factory.mktemp("home")
    others = {name: text for name, text in os.environ.items() if not name.startswith("ANSIBLE_")}
    with subprocess.Popen(
        [sys.executable, "-c", _ENGINE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**others, "HOME": str(home), "PYTHONPATH": str(ROOT / "playbooks" / "collections")},
        cwd=home,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Engine(process.stdin, process.stdout, home)
        process.stdin.close()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A directory of inventories."""
    place = tmp_path / "site"
    (place / "host_vars" / "second").mkdir(parents=True)
    (place / "host_vars" / "second" / "ours.yml").write_text("dx_aliases: [two]\n")
    (place / "host_vars" / "first.yml").symlink_to("../../nothing")
    (place / "hosts.yml").symlink_to("red.yml")
    (place / "red.yml").write_text(HOSTS)
    (place / "tan.yml.orig").write_text(HOSTS.replace("red", "tan"))
    return place


def edit_in_place(site: Path) -> None:
    before = (site / "red.yml").stat()
    with (site / "red.yml").open("r+") as file:
        file.write(HOSTS.replace("red", "tan"))
    os.utime(site / "red.yml", ns=(before.st_atime_ns, before.st_mtime_ns))


def replace(site: Path) -> None:
    before = (site / "red.yml").stat()
    (site / "new").write_text(HOSTS.replace("red", "tan"))
    os.utime(site / "new", ns=(before.st_atime_ns, before.st_mtime_ns))
    (site / "new").rename(site / "red.yml")


def switch_link(site: Path) -> None:
    (site / "new").symlink_to("tan.yml.orig")
    (site / "new").rename(site / "hosts.yml")


def make_executable(site: Path) -> None:
    (site / "red.yml").chmod(0o755)


def add(site: Path) -> None:
    (site / "more.yml").write_text(MORE)


def remove(site: Path) -> None:
    (site / "hosts.yml").unlink()


def add_group_vars(site: Path) -> None:
    (site / "group_vars").mkdir()
    (site / "group_vars" / "all.yml").write_text("dx_aliases: [any]\n")


def add_host_vars(site: Path) -> None:
    (site / "host_vars" / "second" / "more.yml").write_text("dx_aliases: [many]\n")


def edit_host_vars(site: Path) -> None:
    (site / "host_vars" / "second" / "ours.yml").write_text("dx_aliases: [too]\n")


def mend_link(site: Path) -> None:
    (site.parent / "nothing").write_text("dx_aliases: [too]\n")


@pytest.mark.parametrize(
    "edit",
    [
        edit_in_place,
        replace,
        switch_link,
        make_executable,
        add,
        remove,
        add_group_vars,
        add_host_vars,
        edit_host_vars,
        mend_link,
    ],
)
def test_whatever_is_changed_makes_it_stale(
    engine: Engine, site: Path, edit: Callable[[Path], None]
) -> None:
    source = site if edit in {add, remove} else site / "hosts.yml"
    assert engine.load(source, GROUPS) == "kept"
    edit(site)

    assert engine.look() == "stale"


def test_what_has_just_been_edited_is_not_kept_yet(engine: Engine, site: Path) -> None:
    assert (engine.load(site, GROUPS, settled=0), engine.look()) == ("not yet", "fresh")
    settle(*(path for path in [site, *site.rglob("*")] if path.exists()))

    assert (engine.load(site, GROUPS, settled=0), engine.look()) == ("kept", "fresh")


def test_what_no_run_would_read_does_not_make_it_stale(engine: Engine, site: Path) -> None:
    assert engine.load(site / "hosts.yml", GROUPS) == "kept"
    (site / "more.yml").write_text(MORE)
    (site / "tan.yml.orig").write_text("")

    assert engine.look() == "fresh"


def test_what_can_not_be_parsed_is_not_kept(engine: Engine, site: Path) -> None:
    (site / "red.yml").write_text("all: [\n")

    assert (engine.load(site), engine.look()) == ("not kept", "fresh")


def test_a_file_from_the_future_is_not_kept(engine: Engine, site: Path) -> None:
    changed = (site / "red.yml").stat().st_mtime + 3600
    os.utime(site / "red.yml", (changed, changed))

    assert (engine.load(site), engine.look()) == ("not yet", "fresh")


def test_a_file_that_is_not_one_is_not_kept(engine: Engine, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yml")

    assert (engine.load(tmp_path), engine.look()) == ("not kept", "fresh")


@pytest.mark.parametrize("kind", ["inventory", "vars", "cache", "doc_fragments"])
def test_a_plugin_that_the_user_adds_makes_it_stale(engine: Engine, site: Path, kind: str) -> None:
    assert engine.load(site) == "kept"
    plugin = engine.home / ".ansible" / "plugins" / kind / "mine.py"
    plugin.parent.mkdir(parents=True)
    plugin.write_text("")
    stale = engine.look()
    again = engine.load(site), engine.look()
    plugin.unlink()
    plugin.parent.rmdir()

    assert (stale, again) == ("stale", ("not kept", "fresh"))


@pytest.mark.parametrize("kind", ["connection", "filter", "lookup", "become"])
def test_another_plugin_that_the_user_adds_or_edits_makes_it_stale(
    engine: Engine, site: Path, kind: str
) -> None:
    assert engine.load(site) == "kept"
    plugin = engine.home / ".ansible" / "plugins" / kind / "mine.py"
    plugin.parent.mkdir(parents=True)
    plugin.write_text("")
    added = engine.look(), engine.load(site)
    plugin.write_text("# edited")
    edited = engine.look()
    plugin.unlink()
    plugin.parent.rmdir()

    assert (added, edited) == (("stale", "kept"), "stale")


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "SLACK_BOT_TOKEN", "JULES_API_KEY"])
def test_variables_that_use_the_token_of_a_service_are_not_kept(
    engine: Engine, site: Path, name: str
) -> None:
    file = site / "host_vars" / "second" / "ours.yml"
    file.write_text(f"dx_path: [\"{{{{ lookup('env', '{name}') }}}}\"]\n")

    assert (engine.load(site), engine.look()) == ("not kept", "fresh")


@pytest.mark.parametrize("name", ["yaml.yml", "yaml.json", "yaml", "ini.ini", "ini", "toml.toml"])
def test_all_kinds_of_static_files_are_kept(engine: Engine, tmp_path: Path, name: str) -> None:
    texts = {
        "yaml": '{"all": {"hosts": {"one": null}}}',
        "ini": "[two]\none",
        "toml": "[two.hosts.one]",
    }
    (tmp_path / name).write_text(texts[name.partition(".")[0]])

    assert (engine.load(tmp_path / name), engine.look()) == ("kept", "fresh")


def test_scripts_plugins_and_lists_of_hosts_are_not_kept(engine: Engine, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\necho '{}'\n")
    script.chmod(0o755)
    generator = tmp_path / "generator.yml"
    generator.write_text("plugin: generator\nhosts: {name: 'a'}\nlayers: {}\n")
    for source in (script, generator, tmp_path / "one,two"):
        assert (engine.load(source), engine.look()) == ("not kept", "fresh")


@pytest.mark.parametrize(
    "setting",
    [
        "compose: {dx_aliases: dx_aliases}",
        "groups: {two: \"'x' in lookup('env', 'X')\"}",
        "keyed_groups: [{key: \"lookup('env', 'X')\"}]",
        "keyed_groups: [{key: dx_aliases, parent_group: \"{{ lookup('env', 'X') }}\"}]",
    ],
)
def test_groups_of_expressions_are_not_kept(
    engine: Engine, site: Path, tmp_path: Path, setting: str
) -> None:
    source = tmp_path / "groups.yml"
    source.write_text(f"plugin: constructed\n{setting}\n")

    assert (engine.load(site, source), engine.look()) == ("not kept", "fresh")


@pytest.mark.parametrize(
    "value", ["'{{ mine }}'", "['{{ mine }}']", "{one: '{% if mine %}'}", '!vault "$ANSIBLE_VAULT"']
)
def test_groups_of_templates_are_not_kept(engine: Engine, site: Path, value: str) -> None:
    (site / "host_vars" / "second" / "ours.yml").write_text(f"dx_aliases: {value}\n")

    assert (engine.load(site, GROUPS), engine.look()) == ("not kept", "fresh")
    assert engine.load(site) == "kept"
    assert engine.look() == "fresh"
