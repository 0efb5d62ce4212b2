"""Whichever way a command goes, it runs on its VM, and never here by mistake.

The inventory is as people write it: an address and a user, and no ``ansible_connection``. The
variable ``SSH_CONNECTION`` judges, because only sshd sets it. ``python -m tests.matrix`` runs this
file with each supported pair of Python and ansible-core.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dxansible.fleet import fanout_ssh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Lab, Vm
    from tests.lab.mesh import Mesh

_PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
_ASK = 'echo "$SSH_CONNECTION"'
_FQCN = "dxansible.fleet.run_command"
_CHECKOUT = str(_PLAYBOOKS / "run-command.yml")
_LOCAL_PLAY = """
- hosts: epyc6
  gather_facts: false
  connection: local
  tasks:
    - dxansible.fleet.run_command: {cmd: "touch {{ ran }}", preflight: {checks: false}}
      ignore_errors: true
      register: checked
    - dxansible.fleet.run_command: {cmd: "touch {{ ran }}", id: cmd_0123456789abcdef-0}
      ignore_errors: true
      register: unchecked
    - dxansible.fleet.run_command: {cmd: "pwd", id: cmd_0123456789abcdef-1}
      delegate_to: localhost
      register: delegated
    - dxansible.fleet.run_command: {cmd: "pwd", id: cmd_0123456789abcdef-2}
      vars: {ansible_connection: local}
      register: told
    - ansible.builtin.assert:
        that:
          - checked.dx.status == 'AUTH_MODE_INVALID'
          - "'epyc6 would run on this machine' in checked.msg"
          - "'epyc6 would run on this machine' in unchecked.msg"
          - delegated is changed and told is changed
- hosts: localhost # the implicit one, whose connection Ansible sets
  gather_facts: false
  tasks:
    - dxansible.fleet.run_command: {cmd: "pwd", id: cmd_0123456789abcdef-3}
"""


@pytest.fixture(scope="session")
def inventory(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lab's own, whose agent is the shell; no variable names a connection."""
    directory = tmp_path_factory.mktemp("ways") / "inventory"
    shutil.copytree(lab.inventory, directory)
    (directory / "group_vars").mkdir()
    (directory / "group_vars" / "all.yml").write_text("---\ndx_agent: shell\n")
    texts = [path.read_text() for path in directory.rglob("*.yml")]
    assert not any("ansible_connection" in text for text in texts)
    return directory


@pytest.fixture
def noted(epyc6: Vm) -> Iterator[Path]:
    """A file of the VM's user, into which a command may write from where it came."""
    where = epyc6.home / "where"
    yield where
    where.unlink(missing_ok=True)


def _came_by_ssh(text: str) -> bool:
    return len(text.split()) == 4


def _play(
    user: Dispatcher, playbook: str, *arguments: str, inventory: str | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {
        **user.environment,
        "ANSIBLE_COLLECTIONS_PATH": str(_PLAYBOOKS / "collections"),
        "ANSIBLE_NOCOLOR": "1",
    }
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    chosen = inventory or user.environment["DX_INVENTORY"]
    return subprocess.run(
        [program, "-i", chosen, playbook, *arguments],
        env=environment, cwd=user.home, capture_output=True, text=True, check=False,
    )  # fmt: skip


def _request(directory: Path, **variables: object) -> str:
    path = directory / "request.yml"
    path.write_text(json.dumps(variables))
    return f"@{path}"


@pytest.mark.engines
@pytest.mark.sampled("user")
def test_hosts_are_checked_through_ssh(user: Dispatcher, lab: Lab) -> None:
    before = {name: vm.connections for name, vm in lab.vms.items()}
    answer = user.run("--list", "--json")

    assert answer.code == 0, answer.err
    assert [host["status"] for host in answer.document["hosts"]] == ["OK"] * 3
    assert all(vm.connections > before[name] for name, vm in lab.vms.items())


@pytest.mark.engines
@pytest.mark.sampled("user")
def test_a_command_runs_on_all_its_vms(user: Dispatcher, lab: Lab) -> None:
    answer = user.run("all", "--exec", f"{_ASK}; id -un", "--json")

    assert answer.code == 0, answer.err
    lines = {each["host"]: each["stdout"].splitlines() for each in answer.document["results"]}
    assert {name: user for name, (_came, user) in lines.items()} == {
        name: vm.user for name, vm in lab.vms.items()
    }
    assert all(_came_by_ssh(came) for came, _user in lines.values())


@pytest.mark.engines
@pytest.mark.sampled("user")
def test_a_task_runs_on_its_vm(user: Dispatcher) -> None:
    answer = user.run("epyc6", _ASK, "--wait")

    assert answer.code == 0, answer.err
    assert _came_by_ssh(answer.out.decode())


def test_a_command_runs_on_its_vm_where_no_engine_can_be(user: Dispatcher) -> None:
    if os.geteuid():
        pytest.skip("only root can make the directory of somebody else")
    runtime = user.home / "shared"
    taken = runtime / f"dx-engine-{os.geteuid()}"
    taken.mkdir(parents=True)
    os.chown(taken, 12345, -1)
    where = {"DX_ENGINE": "on", "XDG_RUNTIME_DIR": str(runtime)}

    answer = user.run("epyc6", "--exec", _ASK, "-v", env=where)

    assert answer.code == 0, answer.err
    assert b"is not a directory of ours alone" in answer.err
    assert _came_by_ssh(answer.out.decode())


def test_a_command_runs_on_its_vm_through_an_execution_node(user: Dispatcher, mesh: Mesh) -> None:
    assert mesh.nodes
    answer = user.run("epyc6", "--exec", _ASK, "--via", "exec1", "--timeout", "600", "-v")

    assert answer.code == 0, answer.err
    assert b"mesh_unavailable" not in answer.err
    assert _came_by_ssh(answer.out.decode())


@pytest.mark.engines
@pytest.mark.sampled("user")
def test_a_command_runs_on_its_vm_without_a_preflight(here: Dispatcher) -> None:
    result = fanout_ssh("epyc6", _ASK, preflight=False)

    assert here.home.exists()
    assert result.outcome == "SUCCESS", result.error
    assert _came_by_ssh(result.stdout)


@pytest.mark.parametrize("playbook", [_CHECKOUT, _FQCN])
@pytest.mark.parametrize("checks", [True, False])
def test_a_playbook_runs_its_command_on_the_vm(
    user: Dispatcher, noted: Path, tmp_path: Path, playbook: str, *, checks: bool
) -> None:
    request = _request(tmp_path, dx_command=f"{_ASK} >where", dx_preflight=checks)
    done = _play(user, playbook, "-e", request, "--limit", "epyc6")

    assert done.returncode == 0, done.stdout
    assert _came_by_ssh(noted.read_text())


@pytest.mark.parametrize("checks", [True, False])
def test_a_playbook_whose_host_is_off_runs_nothing_here(
    user: Dispatcher, tmp_path: Path, *, checks: bool
) -> None:
    # all that is known of it fits this machine, too: its user has the same name
    inventory = tmp_path / "hosts.ini"
    inventory.write_text("vm ansible_host=127.0.0.1 ansible_port=1 ansible_user=root\n")
    ran = tmp_path / "ran"
    request = _request(tmp_path, dx_command=f"touch {ran}", dx_preflight=checks)
    done = _play(user, _CHECKOUT, "-e", request, inventory=str(inventory))

    assert done.returncode == 2, done.stdout
    assert not ran.exists()


@pytest.mark.parametrize("checks", [True, False])
def test_a_local_connection_that_no_host_variable_names_runs_nothing(
    user: Dispatcher, tmp_path: Path, *, checks: bool
) -> None:
    ran = tmp_path / "ran"
    request = _request(tmp_path, dx_command=f"touch {ran}", dx_preflight=checks)
    inventory = tmp_path / "hosts.ini"
    inventory.write_text("vm ansible_host=127.0.0.1\n")
    done = _play(user, _CHECKOUT, "-e", request, "-c", "local", inventory=str(inventory))

    assert done.returncode == 2, done.stdout
    assert "vm would run on this machine" in done.stdout
    assert not ran.exists()


def test_a_module_runs_here_only_where_a_variable_or_delegation_says_so(
    user: Dispatcher, tmp_path: Path
) -> None:
    playbook, ran = tmp_path / "play.yml", tmp_path / "ran"
    playbook.write_text(_LOCAL_PLAY)
    done = _play(user, str(playbook), "-e", f"ran={ran}")

    assert done.returncode == 0, done.stdout
    assert not ran.exists()
