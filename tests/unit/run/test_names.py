"""The names of an inventory for completion: complete, fresh, and without a program or a network."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from dxansible.errors import ContentError
from dxansible.ids import session_on
from dxansible.record import PreflightStatus
from dxansible.results import PreflightResult
from dxansible.run.hosts import hosts_of_ids, refresh_names
from dxansible.run.names import keep_listed, known_names
from dxansible.seen import Names, names_of
from dxansible.settings import Settings
from dxansible.value import replace
from tests.unit.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("readers_ended")

_INVENTORY = """
all:
  children:
    webs:
      hosts:
        web1:
          dx_aliases: [front]
          dx_capabilities: [gpu]
          dx_agent: aider
          dx_agents: {robot: {start: [robot]}}
        web2:
          dx_agents: "{{ agents_of_all }}"
          dx_agent: "{{ agent_of_all }}"
  hosts:
    alone:
"""
_NAMES = Names(
    hosts=("web1", "web2", "alone"),
    groups=("all", "front", "gpu", "webs"),
    agents=("robot", "aider"),
)
_LISTED = [
    PreflightResult(status=PreflightStatus.OK, host="a", aliases=("x",), agent="claude"),
    PreflightResult(status=PreflightStatus.OK, host="b", capabilities=("gpu", "x"), agent="claude"),
]


@pytest.fixture
def source(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An inventory of files alone."""
    path = home / "inventory" / "hosts.yml"
    path.parent.mkdir()
    path.write_text(_INVENTORY)
    monkeypatch.setenv("DX_INVENTORY", str(path.parent))
    return path.parent


def _without_stamp(names: Names) -> Names:
    return Names(hosts=names.hosts, groups=names.groups, agents=names.agents)


def test_the_first_completion_has_a_process_read_the_inventory_for_the_next(source: Path) -> None:
    began = time.monotonic()
    assert known_names([source]) == Names()
    assert time.monotonic() - began < 1  # Ansible takes longer than that on a busy machine
    wait_until(lambda: names_of(str(source)) != Names())

    assert _without_stamp(known_names([source])) == _NAMES


def test_names_are_read_again_once_a_file_has_changed(source: Path) -> None:
    refresh_names(Settings.load())
    before = names_of(str(source))
    refresh_names(Settings.load())
    assert names_of(str(source)) == before
    (source / "host_vars").mkdir()
    (source / "host_vars" / "web2.yml").write_text("dx_aliases: [back]\n")

    refresh_names(Settings.load())

    assert "back" in names_of(str(source)).groups


def test_names_of_several_sources_are_kept_together(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = source.parent / "more.yml"
    other.write_text("all: {hosts: {late: {}}}\n")
    monkeypatch.setenv("DX_INVENTORY", f"{source}:{other}")
    refresh_names(Settings.load())

    assert known_names([source, other]).hosts == (*_NAMES.hosts, "late")
    assert names_of(str(source)) == Names()


@pytest.mark.parametrize(
    ("name", "text", "mode"),
    [
        ("script", "#!/bin/sh\ntouch RAN\necho '{}'\n", 0o755),
        ("script", "#!/bin/sh\ntouch RAN\necho '{}'\n", 0o644),
        ("hosts.yaml", _INVENTORY, 0o755),
        ("cloud.yml", "plugin: amazon.aws.aws_ec2\n", 0o644),
        ("cloud.yml", "---\n'plugin' : \"x.y\"\n", 0o644),
        ("cloud.json", '{"plugin": "x.y"}', 0o644),
    ],
)
def test_an_inventory_that_may_run_or_ask_something_is_not_read(
    source: Path, name: str, text: str, mode: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (source / name).write_text(text)
    (source / name).chmod(mode)
    monkeypatch.chdir(source.parent)

    assert known_names([source]) == Names()
    refresh_names(Settings.load())

    assert names_of(str(source)) == Names()
    assert not (source.parent / "RAN").exists()


def test_its_names_are_those_of_the_last_list(source: Path) -> None:
    (source / "cloud.yml").write_text("plugin: x.y\n")
    keep_listed([source], _LISTED)

    assert known_names([source]) == Names(hosts=("a", "b"), groups=("x", "gpu"), agents=("claude",))


def test_a_list_replaces_no_names_that_are_complete(source: Path) -> None:
    refresh_names(Settings.load())
    keep_listed([source], _LISTED)

    assert _without_stamp(names_of(str(source))) == _NAMES


def test_no_program_that_knows_a_vaults_password_runs(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = source.parent / "password"
    program.write_text(f"#!/bin/sh\ntouch {source.parent}/ASKED\necho x\n")
    program.chmod(0o755)
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", str(program))
    known_names([source])
    wait_until(lambda: names_of(str(source)) != Names())

    assert _without_stamp(names_of(str(source))) == _NAMES
    assert not (source.parent / "ASKED").exists()


def test_an_inventory_that_cannot_be_read_keeps_its_names_and_is_not_tried_again(
    source: Path,
) -> None:
    refresh_names(Settings.load())
    (source / "hosts.yml").write_text("all: [")
    refresh_names(Settings.load())
    after = names_of(str(source))
    began = time.monotonic()
    refresh_names(Settings.load())

    assert _without_stamp(after) == _NAMES
    assert names_of(str(source)) == after
    assert time.monotonic() - began < 0.3  # Ansible was not asked


def test_an_id_names_its_host_without_ansible_until_a_file_changes(source: Path) -> None:
    settings = Settings.load()
    without_ansible = replace(settings, environment={"PATH": str(source)})
    ids = [session_on("cmd_1", host) for host in ("web2", "web1", "web3")]
    assert hosts_of_ids(ids, settings) == ["web2", "web1", None]

    assert hosts_of_ids(ids[:2], without_ansible) == ["web2", "web1"]
    with pytest.raises(ContentError, match="ansible-inventory"):
        hosts_of_ids(ids, without_ansible)  # an id that is not known is looked for
    (source / "hosts.yml").write_text(_INVENTORY.replace("web2", "web3"))
    with pytest.raises(ContentError, match="ansible-inventory"):
        hosts_of_ids(ids[:1], without_ansible)
    assert hosts_of_ids(ids, settings) == [None, "web1", "web3"]


def test_a_program_is_asked_for_the_host_of_each_id(source: Path) -> None:
    script = source / "hosts.sh"
    script.write_text("""#!/bin/sh\necho '{"all": {"hosts": ["made"]}}'\n""")
    script.chmod(0o755)
    settings = Settings.load()
    without_ansible = replace(settings, environment={"PATH": str(source)})
    ids = [session_on("cmd_1", "made")]

    assert hosts_of_ids(ids, settings) == ["made"]
    with pytest.raises(ContentError, match="ansible-inventory"):
        hosts_of_ids(ids, without_ansible)
