"""Hosts that are reached through execution nodes of real receptors."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dxansible.mesh.receptor import Receptor
from tests.integration.vm_processes import wait_until
from tests.lab.mesh import Mesh

if TYPE_CHECKING:
    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Lab, Vm

pytestmark = pytest.mark.resident

_SECRET = "swordfish-4711"  # noqa: S105 - a text to search for
_PATIENT = ("--timeout", "600")  # the machine may be busy


@pytest.fixture
def by_site(lab: Lab, tmp_path: Path) -> Path:
    """An inventory with one machine at each node, and one without a node."""
    inventory = tmp_path / "inventory"
    shutil.copytree(lab.inventory, inventory)
    for host, node in (("homedesktop-wsl", "exec1"), ("macmini", "exec2")):
        variables = inventory / "host_vars" / host / "node.yml"
        variables.write_text(f"---\nsite: {node}\ndx_node: '{{{{ site }}}}'\n")
    return inventory


def test_a_run_over_several_nodes_is_one_run(
    mesh: Mesh, user: Dispatcher, by_site: Path, lab: Lab
) -> None:
    where = lab.root / "tellers"
    where.mkdir(mode=0o777)
    where.chmod(0o777)
    command = f"touch {where}/$(id -un); until [ -e {where}/go ]; do sleep 0.1; done; echo done"
    arguments = ("all", "--exec", command, "--json", "-i", str(by_site))
    with user.start(*arguments, *_PATIENT) as client:
        wait_until(lambda: len(list(where.iterdir())) == len(lab.vms), 90, "all hosts have begun")
        at_work = {node: bool(mesh.working(node)) for node in mesh.nodes}
        (where / "go").touch()
        out, err = client.communicate(timeout=90)

    assert client.returncode == 0, err
    assert at_work == {"exec1": True, "exec2": True}
    assert [each["host"] for each in results(out)] == list(lab.vms)
    assert {each["stdout"] for each in results(out)} == {"done\n"}
    wait_until(mesh.is_idle, 120, "nothing is left of it")


def test_a_node_that_dies_hands_its_part_on_and_nothing_starts_twice(
    mesh: Mesh, user: Dispatcher, until_told: Vm
) -> None:
    ran = until_told.home / "ran-at-node"
    command = "echo ran >>ran-at-node; echo first; until [ -e finish ]; do sleep 0.1; done"
    arguments = ("epyc6", "--exec", f"{command}; echo last", "--via", "exec1", "--json", "-v")
    with user.start(*arguments, *_PATIENT) as client:
        wait_until(ran.exists, 90, "the command has begun")
        mesh.kill("exec1", wipe=True)
        wait_until(lambda: bool(mesh.working("exec2")), 90, "the other node has the part")
        (until_told.home / "finish").touch()
        out, err = client.communicate(timeout=90)
    lines, (result,) = ran.read_text(), results(out)
    ran.unlink()

    assert client.returncode == 0, err
    assert lines == "ran\n"
    assert (result["outcome"], result["stdout"]) == ("SUCCESS", "first\nlast\n")
    assert not result["attached"]
    assert b"node_lost node=exec1" in err
    wait_until(mesh.is_idle, 120, "receptor will remove the lost unit")
    mesh.heal()
    wait_until(mesh.is_empty, 60, "nothing is left of work that the node has lost")


def test_a_unit_that_only_its_node_knows_is_removed(lab: Lab) -> None:
    created: list[str] = []
    with Mesh(lab.root / "open", ["exec1"]) as mesh:
        receptor = Receptor(mesh.socket)
        unit = receptor.submit(receptor.find("exec1"), b"{}\n", created.append)
        wait_until(lambda: mesh.units("exec1") == {unit}, 30, "the node has it")
        mesh.kill("ctl", wipe=True)
        mesh.start_controller()
        mesh.wait_for(["exec1"])
        wait_until(lambda: not receptor.clear({unit}, "exec1"), 30, "it is gone")
        empty = mesh.is_empty()

    assert empty
    assert created == [unit]


def test_a_node_that_takes_unsigned_work_is_read_itself_and_keeps_nothing(
    user: Dispatcher, lab: Lab
) -> None:
    command = "seq 200000; echo hi >&2; exit 3"
    with Mesh(lab.root / "unsigned", ["exec1"]) as mesh:
        user.environment["DX_RECEPTOR_SOCKET"] = str(mesh.socket)
        found = user.run("epyc6", "--exec", command, "--via", "exec1", "--json", *_PATIENT)
        wait_until(mesh.is_idle, 120, "the worker has left")
        wait_until(mesh.is_empty, 30, "nothing is left of the work")
    (result,) = results(found.out)

    assert found.code == 1, found.err
    assert (result["outcome"], result["exit_code"]) == ("FAILURE", 3)
    assert result["stdout"] == "".join(f"{number}\n" for number in range(1, 200001))
    assert result["stderr"] == "hi\n"


def test_a_command_waits_for_a_slow_reader_through_a_node(
    mesh: Mesh, user: Dispatcher, lab: Lab
) -> None:
    count, vm = 4_000_000, lab.vms["epyc6"]  # lines of ten bytes: more than a page
    command = f"echo >begun; seq 100000000 {100_000_000 + count - 1}; echo >printed"
    begun, printed = vm.home / "begun", vm.home / "printed"
    with user.start("epyc6", "--exec", command, "--via", "exec1", "-q", *_PATIENT) as client:
        wait_until(begun.exists, 120, "the command has begun")
        wait_until(lambda: not mesh.working("exec1"), 300, "the node has sent a page, and rests")
        kept = {name: stored(mesh, name) for name in ("ctl", "exec1")}
        waits, peak = not printed.exists(), memory(client.pid)
        out, words = client.communicate(timeout=400)
    ended = printed.exists()
    begun.unlink()
    printed.unlink(missing_ok=True)

    assert (client.returncode, waits, ended) == (0, True, True), words
    assert hashlib.sha256(out).hexdigest() == hashlib.sha256(lines(count)).hexdigest()
    assert max(kept.values()) < 80 * 2**20
    assert peak < 200 * 2**20
    wait_until(mesh.is_idle, 120, "nothing is left of it")


def test_a_killed_client_leaves_no_unit_and_its_command_is_found_through_any_node(
    mesh: Mesh, user: Dispatcher, until_told: Vm
) -> None:
    begun = until_told.home / "begun"
    command = f": {_SECRET}; echo 1 >>begun; echo first; until [ -e finish ]; do sleep 0.1; done"
    arguments = ("epyc6", "--exec", command, "--via", "exec2", "--run-id", "of_killed_1")
    with user.start(*arguments, *_PATIENT) as client:
        wait_until(begun.exists, 90, "the command has begun")
        seen = b"".join(each.read_bytes() for each in command_lines(mesh))
        os.kill(client.pid, signal.SIGKILL)
    wait_until(mesh.is_idle, 120, "no unit is left")
    listed = user.run("--status", "of_killed_1", "--via", "exec1", "--json", limit=300)
    assert listed.code == 0, (listed.out, listed.err)
    (known,) = listed.document["sessions"]
    session = known["session_id"]  # says which host it is on, so the others are not asked again
    stopped = user.run("--abort", session, "--via", "exec2", "--json", limit=300)
    assert (stopped.result["outcome"], stopped.result["stop_verified"]) == ("ABORTED", True)
    shown = user.run("--logs", session, "--via", "auto", "--json", limit=300)
    lines = begun.read_text()
    begun.unlink()

    assert lines == "1\n"
    assert b"ansible-runner" in seen
    assert _SECRET.encode() not in seen
    assert known["state"] == "running"
    assert (shown.result["outcome"], shown.result["stdout"]) == ("ABORTED", "first\n")
    wait_until(mesh.is_idle, 120, "nothing is left of it")
    files = [path for path in mesh.root.rglob("*") if path.is_file()]
    assert not [path for path in files if _SECRET.encode() in path.read_bytes()]


def test_nodes_are_listed_with_their_health(mesh: Mesh, user: Dispatcher) -> None:
    mesh.kill("exec2")
    wait_until(lambda: "exec2" not in mesh.routes(), 60, "the controller has noticed")
    answer = user.run("--nodes", "--json")
    refused = user.run("epyc6", "--exec", "true", "--via", "exec2")

    nodes = {each["node"]: each for each in answer.document["nodes"]}
    assert answer.code == 0
    assert (nodes["exec1"]["usable"], nodes["exec1"]["signed"]) == (True, True)
    assert nodes["ctl"]["error"] == "it takes no work of the type ansible-runner"
    assert "exec2" not in nodes
    assert refused.code == 1
    assert b"node exec2: it does not answer" in refused.err


@pytest.mark.usefixtures("mesh")
def test_a_node_whose_name_cannot_be_templated_is_reported(user: Dispatcher, by_site: Path) -> None:
    (by_site / "host_vars/epyc6/node.yml").write_text("---\ndx_node: '{{ nothing }}'\n")
    answer = user.run("epyc6", "--exec", "echo hi", "-i", str(by_site), *_PATIENT)

    assert (answer.code, answer.out) == (0, b"hi\n")
    assert b'node_lost node="{{ nothing }}" hosts=1 next=' in answer.err


def test_a_node_speaks_of_its_own_hosts_alone(mesh: Mesh, user: Dispatcher) -> None:
    lie = {"host": "macmini", "kind": "command", "done": True, "outcome": "SUCCESS"}
    event = {"host": "macmini", "res": {"dx": {"kind": "fleet", "news": [lie]}}}
    lies = mesh.root / "lies"
    lies.write_text(
        f"\x1b]0;x\x07{{\n{json.dumps({'event': 'runner_retry', 'event_data': event})}\n"
    )
    mesh.start("liar", f"command: cat, params: {lies}")
    mesh.wait_for(["liar"])
    answer = user.run("epyc6", "--exec", "echo true", "--via", "liar", "--json", limit=300)
    mesh.kill("liar")

    assert (answer.code, answer.result["host"], answer.result["stdout"]) == (0, "epyc6", "true\n")
    assert b"node_lost node=liar" in answer.err
    assert b"\x1b" not in answer.err


def results(out: bytes) -> list[dict[str, object]]:
    """The results in a document."""
    found: list[dict[str, object]] = json.loads(out)["results"]
    return found


def lines(count: int) -> bytes:
    """What seq prints."""
    return b"".join(b"%d\n" % number for number in range(100_000_000, 100_000_000 + count))


def stored(mesh: Mesh, name: str) -> int:
    """The bytes that the receptor of a node keeps of all work."""
    files = (mesh.root / name / "data").rglob("*")
    return sum(path.stat().st_size for path in files if path.is_file())


def memory(pid: int) -> int:
    """The most memory that a process has had, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


def command_lines(mesh: Mesh) -> list[Path]:
    """The files with the arguments of all work that is going on."""
    pids = [pid for node in mesh.nodes for pid in mesh.working(node)]
    return [path for pid in pids if (path := Path(f"/proc/{pid}/cmdline")).exists()]
