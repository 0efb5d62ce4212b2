"""Labs from their beginning to their end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab import Fault, Lab, LabError
from tests.unit.lab.support import REPOSITORY, Session, leftovers, needs_root, ssh

NAMES = ["homedesktop-wsl", "macmini", "epyc6"]


@pytest.mark.parametrize("name", NAMES)
def test_logs_in(lab: Lab, name: str) -> None:
    vm = lab.vms[name]
    before = vm.connections
    done = ssh(vm, "id -un; pwd; cat >/dev/null")
    assert done.stdout.split() == [vm.user, str(vm.home)], done.stderr
    assert vm.connections == before + 1


@needs_root
def test_machines_have_users_of_their_own(lab: Lab) -> None:
    users = {vm.user for vm in lab.vms.values()}
    assert len(users) == len(NAMES)
    assert all(vm.home.owner() == vm.user for vm in lab.vms.values())


def test_extra_hosts(lab: Lab) -> None:
    inventory = lab.extra_hosts(50)
    gates = list(lab.extras.values())
    assert len({gate.address for gate in gates}) == 50
    assert len(list((inventory / "host_vars").iterdir())) == 50
    vms = list(lab.vms.values())
    for number in (0, 1, 49):
        gate, vm = gates[number], vms[number % 3]
        assert ssh(vm, "id -un", host=gate.address, port=gate.port).stdout.strip() == vm.user
    assert lab.extra_hosts(3) != inventory
    assert list(lab.extras.values()) == gates


def test_inventory_is_complete(lab: Lab) -> None:
    for vm in lab.vms.values():
        variables = lab.inventory / "host_vars" / vm.name
        assert f"ansible_port: {vm.port}\n" in (variables / "ansible.yml").read_text()
        assert "dx_auth_mode: ssh_key\n" in (variables / "dx.yml").read_text()
        assert f"    {vm.name}:\n" in (lab.inventory / "hosts.yml").read_text()


def test_two_labs_at_once_and_nothing_left_of_either() -> None:
    with Lab.create() as first, Lab.create() as second:
        labs = [(lab.root, [vm.user for vm in lab.vms.values()]) for lab in (first, second)]
        assert all(leftovers(*lab) for lab in labs)
        if os.geteuid() == 0:
            assert first.black_hole() != second.black_hole()
        vm, twin = first.vms["epyc6"], second.vms["epyc6"]
        vm.fault(Fault.REFUSE)
        assert ssh(vm).returncode == 255
        vm.heal()
        assert ssh(vm, "setsid sleep 1000 >/dev/null 2>&1 &").returncode == 0
        with Session(twin), Session(vm):
            first.down()
        assert leftovers(*labs[0]) == []
        assert ssh(twin).returncode == 0
    second.down()
    assert leftovers(*labs[1]) == []


def run_python(script: str) -> tuple[Path, list[str]]:
    """Run `script` with a lab in it; return the lab's root and users."""
    prologue = "import os, sys; from tests.lab import Lab; lab = Lab.create()"
    report = "print(lab.root, *(vm.user for vm in lab.vms.values()), flush=True)"
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore::DeprecationWarning",
            "-c",
            f"{prologue}\n{report}\n{script}",
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    root, *users = done.stdout.split()
    return Path(root), users


def test_goes_down_with_python_but_not_with_a_fork() -> None:
    fork = "os.fork() or sys.exit()\nos.wait()\nassert lab.vms['epyc6'].home.exists()"
    assert leftovers(*run_python(fork)) == []


def test_clears_away_a_lab_that_was_killed() -> None:
    black_hole = "lab.black_hole()\n" if os.geteuid() == 0 else ""
    killed = run_python(f"{black_hole}os.kill(os.getpid(), 9)")
    assert leftovers(*killed)
    with Lab.create():
        assert leftovers(*killed) == []


def test_refuses_unsuitable_roots(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(LabError, match="is not empty"):
        Lab.create(lab.root)
    assert ssh(lab.vms["epyc6"]).returncode == 0
    with pytest.raises(LabError, match="special characters"):
        Lab.create(tmp_path / "a b")
    if os.geteuid() == 0:
        tmp_path.chmod(0o700)
        with pytest.raises(LabError, match="is private"):
            Lab.create(tmp_path / "lab")
