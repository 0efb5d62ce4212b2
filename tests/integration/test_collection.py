"""The collection from its tarball: playbooks, role, groups of modules, and its own tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.collection import COLLECTION, ROOT, build, install, run_targets, targets

if TYPE_CHECKING:
    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Lab

_BIN = Path(sys.executable).parent


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection's directory after ``ansible-galaxy collection install``."""
    directory = tmp_path_factory.mktemp("collection")
    return install(_BIN, build(_BIN, directory), directory / "collections")


def test_the_playbooks_run_by_name_from_anywhere(
    installed: Path, user: Dispatcher, tmp_path: Path, lab: Lab
) -> None:
    request = tmp_path / "request.yml"
    request.write_text(
        "dx_command: \"echo '{{ raw }}' >by-name; case $(id -un) in *epyc) exit 3; esac\"\n"
    )
    environment = {
        **user.environment,
        "ANSIBLE_COLLECTIONS_PATH": str(installed.parents[2]),
        "ANSIBLE_NOCOLOR": "1",
    }
    command = [str(_BIN / "ansible-playbook"), "-i", user.environment["DX_INVENTORY"]]
    command += ["dxansible.fleet.run_command", "-e", f"@{request}", "--limit", "epyc6:macmini"]

    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 2, done.stdout + done.stderr
    assert "epyc6: exit code 3" in done.stdout + done.stderr
    for name, vm in lab.vms.items():
        made = vm.home / "by-name"
        assert made.exists() == (name in {"epyc6", "macmini"})
        assert not made.exists() or made.read_text() == "{{ raw }}\n"


def test_check_mode_diff_idempotence_and_results_are_as_each_module_documents(
    installed: Path, tmp_path: Path
) -> None:
    done = run_targets(_BIN, installed, tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    ended = {line.partition(" : ")[0] for line in done.stdout.splitlines() if " : Expect" in line}
    assert ended == {f"TASK [{name}" for name in targets()}


def test_every_module_has_a_test_in_the_collection() -> None:
    modules = {path.stem for path in (COLLECTION / "plugins/modules").glob("*.py")}

    assert modules - set(targets()) == {"host_result", "serve"}  # in fan_out; serve is the engine's


def test_the_playbooks_of_the_project_are_those_of_the_collection() -> None:
    playbooks = COLLECTION.parents[3]
    beside = {path.name for path in playbooks.glob("*.yml")} - {"serve.yml", "fail_hosts.yml"}
    inside = {path.name: path for path in (COLLECTION / "playbooks").glob("*.yml")}

    assert beside == {name.replace("_", "-") for name in inside}
    assert all((playbooks / name.replace("_", "-")).samefile(inside[name]) for name in inside)
    assert (playbooks / "roles/dx").samefile(COLLECTION / "roles/dx")


def test_the_tarball_has_the_licence_and_nothing_that_disturbs_runs_of_others(
    installed: Path,
) -> None:
    assert (installed / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    assert not (installed / "plugins/callback").exists()
    links = [path for path in installed.rglob("*") if path.is_symlink()]
    assert all(installed in link.resolve().parents for link in links), links


def test_a_run_of_others_loads_no_callback_of_ours(installed: Path, tmp_path: Path) -> None:
    play = tmp_path / "play.yml"
    tasks = "[dxansible.fleet.preflight: {checks: false}]"
    play.write_text(f"- {{hosts: localhost, gather_facts: false, tasks: {tasks}}}")
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(installed.parents[2]),
        "ANSIBLE_NOCOLOR": "1",
        "HOME": str(tmp_path),
    }
    environment.pop("ANSIBLE_CALLBACK_PLUGINS", None)
    command = [str(_BIN / "ansible-playbook"), str(play)]
    played = subprocess.run(
        [*command, "-vv"], env=environment, capture_output=True, text=True, check=False
    )
    listed = subprocess.run(
        [str(_BIN / "ansible-doc"), "--list", "--type", "callback", "dxansible.fleet"],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert played.returncode == 0, played.stdout + played.stderr
    assert "awx_display" not in played.stdout + played.stderr
    assert "dxansible" not in listed.stdout
