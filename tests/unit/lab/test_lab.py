"""The lab, seen by a real `ssh`."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

import pytest

from tests.lab import Fault, Lab, LabError, LabUnsupported, Vm, processes

REPOSITORY = Path(__file__).parents[3]
NAMES = ["homedesktop-wsl", "macmini", "epyc6"]

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    try:
        lab = Lab.create()
    except LabUnsupported as reason:
        pytest.skip(str(reason))
    with lab:
        yield lab


@pytest.fixture
def vm(lab: Lab) -> Iterator[Vm]:
    vm = lab.vms["epyc6"]
    yield vm
    vm.heal()


def ssh_command(vm: Vm, command: str, *, host: str = "", port: int = 0) -> list[str]:
    options = ["BatchMode=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=1"]
    return [
        *("ssh", "-F", str(vm.host.client.config), "-p", str(port or vm.port)),
        *(word for option in options for word in ("-o", option)),
        *(f"{vm.user}@{host or vm.address}", command),
    ]


def ssh(
    vm: Vm, command: str = "true", *, host: str = "", port: int = 0
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ssh_command(vm, command, host=host, port=port),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


class Session:
    """An `ssh` that echoes lines."""

    def __init__(self, vm: Vm) -> None:
        self.client = subprocess.Popen(
            ssh_command(vm, "echo ready; cat"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.client.stdout
        os.set_blocking(self.client.stdout.fileno(), False)

    def __enter__(self) -> Self:
        assert self.hear(5) == b"ready\n"
        return self

    def __exit__(self, *_: object) -> None:
        self.client.kill()
        self.client.communicate()

    def say(self, line: bytes) -> None:
        assert self.client.stdin
        self.client.stdin.write(line)
        self.client.stdin.flush()

    def hear(self, patience: float) -> bytes:
        assert self.client.stdout
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if heard := self.client.stdout.read():
                return heard
            time.sleep(0.01)
        return b""

    def await_end(self) -> tuple[int, str]:
        """Return the client's exit status and its complaint."""
        assert self.client.stderr
        return self.client.wait(timeout=10), self.client.stderr.read().decode()


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
            client.wait(timeout=1.5)  # longer than ConnectTimeout, which ends with the banner
        vm.heal()
        assert client.wait(timeout=5) == 255
    assert ssh(vm).returncode == 0


def test_default_penalties(vm: Vm) -> None:
    def fail() -> str:
        return ssh(vm).stderr

    vm.fault(Fault.REFUSE_AUTH)
    assert all("Permission denied" in fail() for _ in range(6))
    vm.fault(Fault.DEFAULT_PENALTIES)
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
    assert "reset by peer" in done[0].stderr


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


def leftovers(root: Path, users: list[str]) -> list[str]:
    """Return what is still there of a lab that is down."""
    prefix = users[0].partition("-")[0]
    places = [Path("/sys/class/net"), Path("/run/netns")]
    names = [entry.name for place in places if place.exists() for entry in place.iterdir()]
    found = [name for name in names if name.startswith(prefix)]
    if os.geteuid() == 0:
        found += [user for user in users if user in Path("/etc/passwd").read_text()]
    found += map(str, processes.running(f"{root}/") | processes.marked(f"DXLAB={root}"))
    return found + [str(root)] * root.exists()


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
        [sys.executable, "-c", f"{prologue}\n{report}\n{script}"],
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


class CommandLine:
    """`python -m tests.lab` with a runtime directory of its own."""

    def __init__(self, runtime: Path) -> None:
        self.runtime = runtime

    @contextmanager
    def started(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        with subprocess.Popen(
            [sys.executable, "-m", "tests.lab", *words],
            cwd=REPOSITORY,
            env=os.environ | {"XDG_RUNTIME_DIR": str(self.runtime)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.terminate()

    def run(self, *words: str) -> tuple[int, str]:
        with self.started(*words) as process:
            said, _ = process.communicate(timeout=20)
        return process.returncode, said


def test_command_line(tmp_path: Path) -> None:
    command_line = CommandLine(tmp_path)
    with command_line.started("up") as up:
        assert up.stdout
        introduction = "".join(iter(up.stdout.readline, "Ctrl-C ends the lab.\n"))
        found = re.search(r"DX_INVENTORY=(\S+)/inventory dx-dispatch --list", introduction)
        assert found, introduction
        root = Path(found[1])
        assert (root / "control").stat().st_mode & 0o777 == 0o600
        users = re.findall(r"127\.77\.0\.\d:\d+ +(\S+)", introduction)

        status, said = command_line.run("fault", "epyc6", "CLOSE-EARLY")
        assert (status, "close_early" in said) == (0, True), said
        assert "stall" in command_line.run("fault", "macmini", "stall", "--root", str(root))[1]
        status, said = command_line.run("heal", "epyc6")
        assert (status, "close_early" in said, "stall" in said) == (0, False, True)
        assert command_line.run("cut", "epyc6")[0] == 0
        assert command_line.run("cut", "epyc6", "--up", "0", "--times", "2")[0] == 0
        assert command_line.run("status")[1].count("127.77.0.") == 3

        assert command_line.run("heal", "epyc7") == (
            1,
            "dxlab: no VM epyc7: there are homedesktop-wsl, macmini, epyc6\n",
        )
        assert "no fault 'x': there are refuse, " in command_line.run("fault", "epyc6", "x")[1]

        up.send_signal(signal.SIGTERM)
        assert up.wait(timeout=10) == 0
        assert up.stdout.read() == ""
    assert leftovers(root, users) == []
    assert list(tmp_path.iterdir()) == []
    status, said = command_line.run("status")
    assert (status, said.count("\n"), "no lab runs" in said) == (1, 1, True)
    assert command_line.run("status", "--root", str(root)) == (
        1,
        f"dxlab: no lab runs in {root}\n",
    )
