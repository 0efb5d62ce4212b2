"""Rules of what is said about an inventory that can't be used, in Ansible's real words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dxansible.errors import InventoryError
from dxansible.run.first_inventory import inventory_text
from dxansible.run.hosts import explain_no_match, list_hosts
from dxansible.run.inventory_fault import _clean, _encrypted_files
from dxansible.run.request import PlayEnd
from dxansible.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

LOCAL = "all:\n  hosts:\n    here: {ansible_connection: local}\n"
FAULTS = {
    "YAML": (
        {"x.yml": "all:\n  hosts:\n    a: [\n"},
        "the inventory DIR/x.yml, line 3, can't be used: While parsing a flow node",
        "correct it there",
    ),
    "tab": ({"x.yml": "all:\n\thosts:\n"}, "x.yml, line 2, can't be used: Tabs", "correct it"),
    "a list": (
        {"x.yml": "- a\n"},
        "DIR/x.yml can't be used: YAML inventory has invalid structure, it should be a dictionary",
        "correct it there",
    ),
    "an unknown plugin": (
        {"x.yml": "plugin: no.such.plugin\n"},
        "specifies unknown plugin 'no.such.plugin'",
        "correct it there",
    ),
    "INI": (
        {"x": "[web]\na b c\n"},
        "the inventory DIR/x, line 2, can't be used: Expected key=value",
        "correct it there",
    ),
    "a file of a directory": (
        {"d/ok.yml": LOCAL, "d/x.yml": "a: [\n"},
        "the inventory DIR/d/x.yml, line 1, can't be used",
        "correct it there",
    ),
    "variables": (
        {"d/hosts.yml": LOCAL, "d/host_vars/here/dx.yml": "a: 1\nb: [\n"},
        "the inventory DIR/d/host_vars/here/dx.yml, line 2, can't be used: While parsing",
        "correct it there",
    ),
    "variables of another kind": (
        {"d/hosts.yml": LOCAL, "d/host_vars/here.yml": "- a\n"},
        "host_vars/here.yml': failed to combine variables",
        "ansible-inventory --list",
    ),
    "no directory of hosts": (
        {"d/host_vars/here.yml": "a: 1\n"},
        "the inventory DIR/d has no file with hosts",
        "write one: dx-dispatch --init DIR/d/hosts.yml",
    ),
    "a failing script": (
        {"x!": "#!/bin/sh\necho first >&2\necho no token >&2\nexit 3\n"},
        "script DIR/x can't be used: Inventory script returned non-zero exit code 3: no token",
        "run: DIR/x --list",
    ),
    "a script without JSON": (
        {"x!": "#!/bin/sh\necho none of it\n"},
        "DIR/x can't be used: Value could not be parsed as JSON",
        "run: DIR/x --list",
    ),
    "a script that may not run": (
        {"x": '#!/bin/sh\necho "{}"\n'},
        "the inventory DIR/x is a script, and not executable",
        "run: chmod +x DIR/x",
    ),
}
EMPTY = {
    "nothing": ({"x.yml": ""}, "the inventory DIR/x.yml has no hosts", "under all: hosts:"),
    "hosts at the top": (
        {"x.yml": "hosts:\n  vm1: {ansible_user: a}\n"},
        "has no hosts (Skipping unexpected key (vm1) in group (hosts)",
        "under all: hosts:",
    ),
    "the example": (
        {"d/hosts.yml": inventory_text([])},
        "the VMs of the inventory DIR/d/hosts.yml are an example",
        "take away the #",
    ),
    "a script without interpreter": (
        {"x!": "#!/no/such/interpreter\n"},
        "the inventory script DIR/x can't be used: Failed to execute",
        "run: DIR/x --list",
    ),
}


def _settings(directory: Path, files: dict[str, str]) -> Settings:
    """Write the files; a name with ``!`` is executable. The first one's source is the inventory."""
    for name, text in files.items():
        path = directory / name.rstrip("!")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o700 if name.endswith("!") else 0o600)
    return Settings.load(directory / next(iter(files)).rstrip("!").partition("/")[0])


@pytest.mark.parametrize(("files", "says", "remedy"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_told_with_its_file_its_line_and_what_to_do(
    home: Path, files: dict[str, str], says: str, remedy: str
) -> None:
    settings = _settings(home, files)

    with pytest.raises(InventoryError) as raised:
        list_hosts(settings)

    assert says.replace("DIR", str(home)) in raised.value.message
    assert remedy.replace("DIR", str(home)) in raised.value.remedy


def test_of_several_sources_the_broken_one_is_named(home: Path) -> None:
    for name, text in {"a": "h1\n", "b.yml": "all: [", "c": "h2\n"}.items():
        (home / name).write_text(text)

    with pytest.raises(InventoryError, match=r"b\.yml, line 1"):
        list_hosts(Settings.load([home / name for name in ("a", "b.yml", "c")]))


@pytest.mark.parametrize(("files", "says", "remedy"), EMPTY.values(), ids=EMPTY)
def test_an_inventory_without_hosts_is_told_with_what_to_do(
    home: Path, files: dict[str, str], says: str, remedy: str
) -> None:
    settings = _settings(home, files)

    problem = explain_no_match("all", settings, PlayEnd(status="failed", exit_code=1))

    assert isinstance(problem, InventoryError)
    assert says.replace("DIR", str(home)) in problem.message
    assert remedy.replace("DIR", str(home)) in problem.remedy


def test_an_empty_directory_is_told_with_the_call_that_fills_it(home: Path) -> None:
    (home / "my vms").mkdir()

    with pytest.raises(InventoryError) as raised:
        list_hosts(Settings.load(home / "my vms"))

    assert str(raised.value) == (
        f"the inventory {home}/my vms is an empty directory; "
        f"write one: dx-dispatch --init '{home}/my vms/hosts.yml'"
    )


def test_a_cause_is_never_longer_than_a_reader_has_patience_for() -> None:
    assert len(_clean("x" * 10_000)) == 400


def test_files_that_are_encrypted_as_a_whole_are_named(tmp_path: Path) -> None:
    secret = tmp_path / "group_vars" / "all" / "secret.yml"
    secret.parent.mkdir(parents=True)
    secret.write_text("$ANSIBLE_VAULT;1.1;AES256\n")
    (tmp_path / "hosts.yml").write_text("all:\n")
    (tmp_path / "locked").symlink_to(tmp_path / "missing")

    assert _encrypted_files(tmp_path) == _encrypted_files(tmp_path / "hosts.yml") == [secret]
