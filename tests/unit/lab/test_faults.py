"""Every fault, as a real `ssh` sees it."""

import re
import socket
import subprocess
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.lab import Fault, Lab, LabUnsupported, Vm
from tests.unit.lab.support import PATIENCE, Session, needs_root, ssh, ssh_command


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        (Fault.REFUSE, "Connection refused"),
        (Fault.SILENT, "Connection timed out during banner exchange"),
        (Fault.STALL, "Connection timed out during banner exchange"),
        (Fault.CLOSE_EARLY, "Connection closed by"),
        (Fault.REFUSE_AUTH, r"Permission denied \(publickey\)"),
        (Fault.CHANGED_KEY, "REMOTE HOST IDENTIFICATION HAS CHANGED"),
    ],
)
def test_fault_and_heal(vm: Vm, fault: Fault, complaint: str) -> None:
    port = vm.port
    vm.fault(fault)
    assert vm.faults == {fault}
    done = ssh(vm)
    assert done.returncode == 255
    assert re.search(complaint, done.stderr), done.stderr
    vm.heal()
    assert vm.faults == set()
    assert (vm.port, ssh(vm).returncode) == (port, 0)


def test_refusing_twice_and_healing_twice(vm: Vm) -> None:
    for _ in range(2):
        vm.fault(Fault.REFUSE)
    for _ in range(2):
        vm.heal()
    assert ssh(vm).returncode == 0


def test_silent_connection_resumes_on_heal(vm: Vm) -> None:
    vm.fault(Fault.SILENT)
    with socket.create_connection((vm.address, vm.port), timeout=0.2) as client:
        with pytest.raises(TimeoutError):
            client.recv(4)
        vm.heal()
        client.settimeout(5)
        assert client.recv(4) == b"SSH-"


def test_silent_and_refuse_spare_live_connections(vm: Vm) -> None:
    with Session(vm) as session:
        vm.fault(Fault.SILENT)
        vm.fault(Fault.REFUSE)
        session.say(b"still here\n")
        assert session.hear(5) == b"still here\n"


def test_stall_holds_live_connections_until_heal(vm: Vm) -> None:
    with Session(vm) as session:
        vm.fault(Fault.STALL)
        session.say(b"hello\n")
        assert session.hear(0.3) == b""
        assert session.client.poll() is None
        vm.heal()
        assert session.hear(5) == b"hello\n"


@needs_root
def test_hold_auth(vm: Vm) -> None:
    vm.fault(Fault.HOLD_AUTH)
    with subprocess.Popen(ssh_command(vm, "true"), stderr=subprocess.PIPE) as client:
        with pytest.raises(subprocess.TimeoutExpired):
            client.wait(timeout=PATIENCE + 0.5)
        vm.heal()
        assert client.wait(timeout=5) == 255
    assert ssh(vm).returncode == 0


def test_default_penalties(vm: Vm) -> None:
    def fail() -> str:
        return ssh(vm).stderr

    vm.fault(Fault.REFUSE_AUTH)
    assert all("Permission denied" in fail() for _ in range(6))
    try:
        vm.fault(Fault.DEFAULT_PENALTIES)
    except LabUnsupported as reason:
        pytest.skip(str(reason))
    complaints = [fail() for _ in range(6)]
    assert "Permission denied" in complaints[0]
    assert "Permission denied" not in complaints[-1]
    assert "penalty" in vm.log.read_text()
    vm.heal()
    assert ssh(vm).returncode == 0


def test_max_startups(vm: Vm) -> None:
    def banners(connections: int) -> int:
        with ExitStack() as stack:
            clients = [
                stack.enter_context(socket.create_connection((vm.address, vm.port), timeout=10))
                for _ in range(connections)
            ]
            return [client.recv(4) for client in clients].count(b"SSH-")

    assert banners(70) == 70
    vm.fault(Fault.MAX_STARTUPS)
    assert 10 <= banners(70) <= 60
    vm.heal()
    assert ssh(vm).returncode == 0


@needs_root
def test_drop(lab: Lab, vm: Vm) -> None:
    def address() -> str:
        variables = (lab.inventory / "host_vars" / vm.name / "ansible.yml").read_text()
        return dict(line.split(": ", 1) for line in variables.splitlines()[1:])["ansible_host"]

    vm.fault(Fault.DROP)
    assert vm.faults == {Fault.DROP}
    assert address() == lab.black_hole()
    done = ssh(vm, host=address())
    assert "Connection timed out" in done.stderr
    vm.heal()
    assert address() == vm.address


def test_cut_up_and_down_at_the_byte(vm: Vm) -> None:
    vm.cut_after(down=10)
    vm.cut_after(up=4)
    with socket.create_connection((vm.address, vm.port), timeout=5) as client:
        assert len(client.recv(100)) == 10
        with pytest.raises(ConnectionResetError):
            client.recv(100)
    with socket.create_connection((vm.address, vm.port), timeout=5) as client:
        assert client.recv(100).startswith(b"SSH-")
        client.sendall(b"SSH")
        client.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.recv(100)
        client.sendall(b"-2.0")
        with pytest.raises(ConnectionResetError):
            client.recv(100)
    assert ssh(vm).returncode == 0


def test_cut_at_zero_so_many_times(vm: Vm) -> None:
    vm.cut_after(up=0, times=2)
    done = [ssh(vm) for _ in range(3)]
    assert [client.returncode for client in done] == [255, 255, 0]
    assert "reset by" in done[0].stderr  # "peer", or UNKNOWN where the reset comes first


def test_heal_forgets_cuts(vm: Vm) -> None:
    vm.cut_after(down=0)
    vm.heal()
    assert ssh(vm).returncode == 0


@pytest.mark.parametrize("strike", [Vm.cut_now, Vm.kill_sessions])
def test_ending_live_connections(vm: Vm, strike: Callable[[Vm], None]) -> None:
    with Session(vm) as session:
        strike(vm)
        assert session.await_end()[0] == 255
    assert ssh(vm).returncode == 0


def test_cutting_during_a_stall(vm: Vm) -> None:
    with Session(vm) as session:
        vm.fault(Fault.STALL)
        vm.cut_now()
        assert "reset by peer" in session.await_end()[1]
