"""The modules and the role in plays of other people, by ansible-playbook alone."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.test_inventory_values import PASSWORD, secret_value

if TYPE_CHECKING:
    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Lab

_PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
EPYC_FAILS = "echo ran; case $(id -un) in *epyc) echo why >&2; exit 3;; esac"
ROLE = "{ansible.builtin.import_role: {name: dx, tasks_from: run-command}}"


def play(user: Dispatcher, tmp_path: Path, text: str, *arguments: str) -> tuple[int, str]:
    """The exit code of a playbook, and what it prints."""
    playbook = tmp_path / "play.yml"
    playbook.write_text(text)
    environment = {
        **user.environment,
        "ANSIBLE_COLLECTIONS_PATH": str(_PLAYBOOKS / "collections"),
        "ANSIBLE_ROLES_PATH": str(_PLAYBOOKS / "roles"),
        "ANSIBLE_NOCOLOR": "1",
        "COLUMNS": "200",
    }
    program = Path(sys.executable).with_name("ansible-playbook")
    command = [str(program), "-i", user.environment["DX_INVENTORY"], *arguments, str(playbook)]
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def recap(text: str) -> dict[str, int]:
    """Failures of each host."""
    return {name: int(n) for name, n in re.findall(r"(?m)^(\S+) +: .*\bfailed=(\d+)", text)}


MODULES = """
- hosts: epyc6
  gather_facts: false
  tasks:
    - dxansible.fleet.run_command: {cmd: "echo {{ item }}", preflight: {}}
      loop: [a, b]
      register: looped
    - dxansible.fleet.run_command: {preflight: {}}
      vars: {dx_command: "echo '{{ raw }}'; sleep 2"}
      register: raw_text
      until: raw_text.dx.done
      retries: 3
      delay: 0
    - dxansible.fleet.run_command: {cmd: touch ran-in-check-mode, preflight: {}}
      check_mode: true
      register: checked
    - dxansible.fleet.run_command: {cmd: ls ran-in-check-mode, preflight: {}}
      ignore_errors: true
      register: absent
    - dxansible.fleet.run_command: {cmd: echo x, preflight: {}}
      register: first
    - dxansible.fleet.run_command: {cmd: echo x, id: "{{ first.dx.id }}"}
      register: second
    - dxansible.fleet.run_command: {cmd: id}
      become: true
      ignore_errors: true
      register: with_become
    - dxansible.fleet.run_command: {cmd: id}
      environment: {A: b}
      ignore_errors: true
      register: with_environment
    - dxansible.fleet.run_command: {preflight: {}}
      register: secret
    - ansible.builtin.assert:
        that:
          - looped.results | map(attribute='stdout') | list == ['a\\n', 'b\\n']
          - raw_text.stdout | length == 10
          - checked is skipped
          - absent is failed
          - first is changed
          - second is not changed and second.dx.attached and second.stdout == first.stdout
          - "'runs as ansible_user' in with_become.msg"
          - "'does not pass on environment' in with_environment.msg"
          - secret.stdout == 'from the vault\\n'
"""

SLOW_EXIT = """
import threading, time
from ansible.plugins.action import ActionBase
class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        threading.Thread(target=time.sleep, args=(30,)).start()  # a process waits for its threads
        return super().run(tmp, task_vars)
"""


def test_modules_do_in_roles_of_others_what_people_expect(user: Dispatcher, tmp_path: Path) -> None:
    secret = tmp_path / "secret.yml"
    secret.write_text(secret_value("dx_command", "echo from the vault"))
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    password = ("--vault-password-file", str(tmp_path / "password"))
    text = MODULES.replace("  tasks:", f"  vars_files: [{secret}]\n  tasks:")

    code, printed = play(user, tmp_path, text, *password)

    assert code == 0, printed


@pytest.mark.parametrize("strategy", ["linear", "free"])
def test_each_host_that_did_not_succeed_is_failed_with_its_own_result(
    user: Dispatcher, tmp_path: Path, strategy: str
) -> None:
    code, printed = play(
        user,
        tmp_path,
        f"""
- hosts: all
  gather_facts: false
  strategy: {strategy}
  vars: {{dx_command: "{EPYC_FAILS}"}}
  tasks:
    - {ROLE}
    - ansible.builtin.debug: {{msg: goes on}}
""",
        "-f1",  # results then come together, and Ansible gives each of `run_once` to all hosts
    )

    assert code == 2
    assert recap(printed) == {"homedesktop-wsl": 0, "macmini": 0, "epyc6": 1}
    assert '"stderr": "why\\n"' in printed
    assert printed.count("goes on") == 2


def test_a_condition_of_the_role_is_asked_of_each_host(
    user: Dispatcher, tmp_path: Path, lab: Lab
) -> None:
    code, printed = play(
        user,
        tmp_path,
        """
- hosts: epyc6,macmini
  gather_facts: false
  vars: {dx_command: "touch conditional"}
  tasks:
    - ansible.builtin.import_role: {name: dx, tasks_from: run-command}
      when: inventory_hostname != "epyc6"
""",
    )

    assert code == 0, printed
    assert not (lab.vms["epyc6"].home / "conditional").exists()
    assert (lab.vms["macmini"].home / "conditional").exists()


def test_the_playbook_fails_hosts_and_runs_nothing_in_check_mode(
    user: Dispatcher, tmp_path: Path, lab: Lab
) -> None:
    text = f"""
- ansible.builtin.import_playbook: {_PLAYBOOKS}/run-command.yml
  vars: {{dx_command: "touch played; {EPYC_FAILS}"}}
"""
    code, printed = play(user, tmp_path, text, "--check")
    assert code == 0, printed
    assert not any((vm.home / "played").exists() for vm in lab.vms.values())

    code, printed = play(user, tmp_path, text, "--limit", "epyc6:macmini")
    assert (code, recap(printed)["epyc6"]) == (2, 1)
    played = {name for name, vm in lab.vms.items() if (vm.home / "played").exists()}
    assert played == {"epyc6", "macmini"}


def test_a_worker_that_ansible_itself_ends_after_its_result_was_not_killed(
    user: Dispatcher, tmp_path: Path
) -> None:
    (tmp_path / "callback_plugins").symlink_to(_PLAYBOOKS / "callback_plugins")
    (tmp_path / "action_plugins").mkdir()
    (tmp_path / "action_plugins" / "exit_slowly.py").write_text(SLOW_EXIT)

    code, printed = play(
        user,
        tmp_path,
        """
- hosts: epyc6
  gather_facts: false
  tasks: [exit_slowly: ]
- hosts: epyc6
  gather_facts: false
  tasks: [ansible.builtin.wait_for: {timeout: 1}]
""",
    )

    assert (code, recap(printed)) == (0, {"epyc6": 0}), printed


def test_a_batch_that_failed_ends_the_play_before_the_next(
    user: Dispatcher, tmp_path: Path, lab: Lab
) -> None:
    code, printed = play(
        user,
        tmp_path,
        f"""
- hosts: epyc6,macmini
  gather_facts: false
  serial: 1
  any_errors_fatal: true
  vars: {{dx_command: "touch batch; {EPYC_FAILS}"}}
  tasks:
    - {ROLE}
""",
    )

    assert code == 2, printed
    assert (lab.vms["epyc6"].home / "batch").exists()
    assert not (lab.vms["macmini"].home / "batch").exists()


def test_a_bad_variable_of_the_first_host_fails_that_host_alone(
    user: Dispatcher, tmp_path: Path, lab: Lab
) -> None:
    bad = tmp_path / "bad" / "hosts.yml"
    variables = bad.parent / "host_vars" / "homedesktop-wsl.yml"
    variables.parent.mkdir(parents=True)
    bad.write_text("homes: {hosts: {homedesktop-wsl: }}\n")
    variables.write_text('ansible_host: "{{ nosuch }}"\n')
    text = f"""
- ansible.builtin.import_playbook: {_PLAYBOOKS}/run-command.yml
  vars: {{dx_command: touch played}}
"""

    code, printed = play(user, tmp_path, text, "-i", str(bad))

    assert code == 2
    assert recap(printed)["homedesktop-wsl"] == 1
    assert "nosuch" in printed
    assert {name for name, vm in lab.vms.items() if (vm.home / "played").exists()} == {
        "epyc6",
        "macmini",
    }
