"""What is killed on this machine while a command runs: the command goes on, and its end is told."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.integration.dispatcher import Dispatcher, marked_processes
from tests.integration.vm_processes import wait_until
from tests.sample import EVERY_CASE

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    from tests.lab import Lab, Vm

pytestmark = [pytest.mark.engines, pytest.mark.newcomer, pytest.mark.sampled("user")]

UNTIL_TOLD = (
    "mktemp run-XXXXXX >/dev/null; echo before;"
    " while [ ! -e finish ]; do sleep 0.1; done; echo after"
)


@pytest.fixture
def vms(lab: Lab) -> Iterator[list[Vm]]:
    """All machines, without traces of other commands."""
    yield [forget(vm) for vm in lab.vms.values()]
    for vm in lab.vms.values():
        vm.heal()


def forget(vm: Vm) -> Vm:
    for trace in (*vm.home.glob("run-*"), *vm.home.glob("finish")):
        trace.unlink()
    return vm


def runs(vm: Vm) -> int:
    return len(list(vm.home.glob("run-*")))


def finish(vms: list[Vm]) -> None:
    for vm in vms:
        (vm.home / "finish").touch()


def words_of(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
    except OSError:
        return [""]


def parent_of(pid: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def workers(user: Dispatcher) -> list[int]:
    """The processes of Ansible that drive the hosts."""
    return [
        pid
        for pid in marked_processes(f"DXTEST={user.home}")
        if all("ansible-playbook" in " ".join(words_of(each)) for each in (pid, parent_of(pid)))
    ]


def kill(user: Dispatcher, which: Callable[[int], int]) -> None:
    """Kill a worker, or what ``which`` makes of it."""

    def done() -> bool:
        with suppress(ProcessLookupError, IndexError):
            os.kill(which(workers(user)[0]), signal.SIGKILL)
            return True
        return False

    wait_until(done, 60, "a VM is waited for")


@contextmanager
def calling(user: Dispatcher, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A call that outlives no failed test."""
    with user.start(*arguments) as client:
        try:
            yield client
        finally:
            client.kill()


KILLS = {"a worker of Ansible": int, "ansible-playbook": parent_of}


@pytest.mark.parametrize("which", KILLS.values(), ids=KILLS)
def test_what_a_killed_process_had_begun_is_attached_to(
    user: Dispatcher, vms: list[Vm], which: Callable[[int], int]
) -> None:
    vm = vms[0]
    with calling(user, vm.name, "--exec", UNTIL_TOLD, "--timeout", "300") as client:
        wait_until(lambda: runs(vm) == 1, 60, "the command runs")
        assert client.stdout
        assert client.stdout.readline() == b"before\n"
        kill(user, which)
        finish([vm])
        out, err = client.communicate(timeout=120)
    assert (client.returncode, out, runs(vm)) == (0, b"after\n", 1), err
    assert b"retry host=" in err
    assert b"Ansible was killed" in err
    assert b"Traceback" not in err
    assert b"attached" not in err, "the call has started it itself"


@pytest.mark.parametrize("which", KILLS.values(), ids=KILLS)
def test_a_killed_process_costs_no_other_host_its_end(
    user: Dispatcher, vms: list[Vm], which: Callable[[int], int]
) -> None:
    with calling(user, "all", "--exec", UNTIL_TOLD, "--timeout", "300", "--json") as client:
        wait_until(lambda: all(runs(vm) == 1 for vm in vms), 60, "the command runs")
        finish(vms[2:])
        assert client.stderr
        while b"success host=" not in client.stderr.readline():
            pass
        kill(user, which)
        finish(vms)
        out, err = client.communicate(timeout=120)
    results = json.loads(out)["results"]
    assert {each["host"] for each in results} == {vm.name for vm in vms}
    for each in results:
        assert (each["outcome"], each["stdout"]) == ("SUCCESS", "before\nafter\n"), err
    assert [runs(vm) for vm in vms] == [1] * len(vms)


@pytest.mark.parametrize("which", KILLS.values(), ids=KILLS)
def test_without_another_attempt_the_command_is_named_to_come_back_to(
    lab: Lab, vms: list[Vm], which: Callable[[int], int]
) -> None:
    user = Dispatcher(lab.inventory, engines=False)  # the loss of an engine costs no attempt
    with closing(user):
        _lose(user, vms[0], which)


def _lose(user: Dispatcher, vm: Vm, which: Callable[[int], int]) -> None:
    with calling(
        user, vm.name, "--exec", UNTIL_TOLD, "--timeout", "300", "--retries", "0", "--json"
    ) as client:
        wait_until(lambda: runs(vm) == 1, 60, "the command runs")
        kill(user, which)
        out, _ = client.communicate(timeout=120)
    (result,) = json.loads(out)["results"]
    assert (client.returncode, result["outcome"]) == (1, "FAILURE")
    assert result["reason"] == "lost_contact"
    assert f"dx-dispatch --logs {result['session_id']}" in result["error"]
    finish([vm])
    later = user.run("--logs", result["session_id"])
    assert (later.code, later.out, runs(vm)) == (0, b"before\nafter\n", 1)


ROUNDS = int(os.environ.get("DX_KILL_ROUNDS", "6" if EVERY_CASE else "2"))
COUNT = (
    "mktemp run-XXXXXX >/dev/null; n=100000;"
    " while [ $n -lt 100400 ]; do n=$((n + 1)); echo $n; [ $((n % 100)) -gt 0 ] || sleep 0.5; done"
)


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_an_engine_that_is_killed_at_any_moment_costs_nothing(
    lab: Lab, vms: list[Vm], seed: int
) -> None:
    dice = Random(seed)  # noqa: S311 - a test is to be repeatable
    user = Dispatcher(lab.inventory, engines=True)
    with closing(user):
        user.run("all", "--exec", "true")
        (engine,) = json.loads(user.run("--engine", "status", "--json").out)["engines"]
        family = [engine["pid"], *children(engine["pid"])]
        family += children(family[-1])
        with calling(user, "all", "--exec", COUNT, "--retries", "0", "--json") as client:
            time.sleep(dice.uniform(0, 5))
            with suppress(ProcessLookupError):
                os.kill(dice.choice(family), signal.SIGKILL)
            out, err = client.communicate(timeout=120)
    expected = "".join(f"{number}\n" for number in range(100001, 100401))
    assert client.returncode == 0, err
    assert [each["outcome"] for each in json.loads(out)["results"]] == ["SUCCESS"] * len(vms)
    assert all(each["stdout"] == expected for each in json.loads(out)["results"])
    assert not any(each["attached"] for each in json.loads(out)["results"])
    assert [runs(vm) for vm in vms] == [1] * len(vms)


def children(pid: int) -> list[int]:
    """Those that run a playbook."""
    found = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    return [
        each for each in found if parent_of(each) == pid and "serve.yml" in "".join(words_of(each))
    ]


@pytest.mark.parametrize("which", KILLS.values(), ids=KILLS)
def test_a_session_that_is_watched_goes_on_and_so_does_its_watching(
    user: Dispatcher, vms: list[Vm], which: Callable[[int], int]
) -> None:
    vm = vms[0]
    with calling(user, vm.name, UNTIL_TOLD, "--agent", "shell", "--wait", "--json") as client:
        wait_until(lambda: runs(vm) == 1, 60, "the task runs")
        kill(user, which)
        finish([vm])
        out, err = client.communicate(timeout=120)
    (result,) = json.loads(out)["results"]
    assert (client.returncode, result["outcome"], runs(vm)) == (0, "SUCCESS", 1), err
    later = user.run("--logs", result["session_id"], "--raw", "--follow")
    assert (later.code, later.out) == (0, b"before\nafter\n")
