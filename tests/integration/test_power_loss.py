"""A VM that loses its power with a command, and all record of it: the command is not run again."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.dispatcher import marked_processes
from tests.integration.vm_processes import wait_until
from tests.lab import Fault, uptime

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Vm

pytestmark = pytest.mark.directed
loses_power = pytest.mark.skipif(
    os.geteuid() != 0 or not uptime.can_choose(), reason="needs users and time namespaces"
)

COMMAND = "mktemp run-XXXXXX >/dev/null; sleep 600"
HOLD = """case $BASH_EXECUTION_STRING in *' start mark='*) if [ -e ~/hold ]; then
    until read -t 0; do sleep 0.05; done
    true >~/held
    while [ -e ~/hold ]; do sleep 0.05; done
fi ;; esac
"""
"""In the shell's startup file: a start waits, with what is sent, before it reaches the keeper."""
WAYS = {
    "a command": ("--exec", COMMAND),
    "a command for later": ("--exec", COMMAND, "--in", "1"),
    "a turn": (COMMAND, "--agent", "shell", "--wait"),
}


@pytest.fixture
def vm(epyc6: Vm) -> Iterator[Vm]:
    """A machine without traces of earlier commands, whose calls can be held."""
    _forget(epyc6)
    (epyc6.home / ".bashrc").write_text(HOLD)
    yield epyc6
    _forget(epyc6)


def _forget(vm: Vm) -> None:
    for trace in (*vm.home.glob("run-*"), *vm.home.glob("hel*"), *vm.home.glob(".bashrc")):
        trace.unlink()
    (vm.home / "hold").unlink(missing_ok=True)


def runs(vm: Vm) -> int:
    return len(list(vm.home.glob("run-*")))


def begin(user: Dispatcher, vm: Vm, *arguments: str) -> subprocess.Popen[bytes]:
    """Begin a call whose command runs, and of whose start nobody hears."""
    assert user.run(vm.name, "--exec", "true").code == 0
    (vm.home / "hold").touch()
    client = user.start(vm.name, *arguments, "--timeout", "300", "--retries", "10", "--json")
    try:
        wait_until((vm.home / "held").exists, 60, "the start has come to the shell")
        vm.fault(Fault.MUTE)
        (vm.home / "hold").unlink()
        wait_until(lambda: runs(vm) == 1, 60, "the command runs")
    except BaseException:
        client.kill()
        client.communicate()
        raise
    return client


def end_of(client: subprocess.Popen[bytes], vm: Vm) -> dict[str, Any]:
    """What the client says in the end, unless the command runs again."""
    try:
        again = "the client has ended, or the command runs again"
        wait_until(lambda: client.poll() is not None or runs(vm) > 1, 120, again)
        assert runs(vm) == 1
        out, _ = client.communicate(timeout=60)
    finally:
        client.kill()
        client.communicate()
    (result,) = json.loads(out)["results"]
    assert client.returncode == 1
    return dict(result)


def ansible_of(user: Dispatcher) -> list[int]:
    """The processes of the user's engine, or of the playbook that runs without one."""
    found = []
    for pid in marked_processes(f"DXTEST={user.home}"):
        with suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if any(b"ansible-playbook" in word or word.endswith(b"serve.yml") for word in words):
                found.append(pid)
    assert found
    return found


def is_lost(result: dict[str, Any]) -> None:
    assert (result["outcome"], result["reason"]) == ("FAILURE", "lost"), result
    assert "may have restarted" in result["error"]
    assert "it may have run" in result["error"]
    assert not result.get("attached")


@loses_power
@pytest.mark.engines
@pytest.mark.sampled("user")
@pytest.mark.parametrize("arguments", WAYS.values(), ids=WAYS)
def test_a_start_that_is_sent_again_after_a_power_loss_starts_nothing(
    user: Dispatcher, vm: Vm, arguments: tuple[str, ...]
) -> None:
    client = begin(user, vm, *arguments)
    vm.lose_power()
    result = end_of(client, vm)
    is_lost(result)
    assert result["attempts"] > 1


@loses_power
@pytest.mark.engines
@pytest.mark.newcomer
def test_nor_does_the_run_that_takes_over_from_a_killed_one(user: Dispatcher, vm: Vm) -> None:
    client = begin(user, vm, *WAYS["a command"])
    vm.fault(Fault.REFUSE)
    for pid in ansible_of(user):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    vm.lose_power()
    is_lost(end_of(client, vm))


@pytest.mark.resident
def test_an_id_that_the_vm_has_removed_is_not_said_to_have_never_run(
    user: Dispatcher, epyc6: Vm
) -> None:
    session = user.run(epyc6.name, "--exec", "echo ran", "--json").result["session_id"]
    for file in sorted((epyc6.home / ".local/state/dxansible/sessions" / session).iterdir()):
        file.unlink()
    (epyc6.home / ".local/state/dxansible/sessions" / session).rmdir()

    seen = user.run("--logs", session, "--json")
    assert (seen.code, seen.result["outcome"]) == (1, "FAILURE")
    assert seen.result["reason"] == "unknown_session"

    for _ in range(2):
        stopped = user.run("--abort", session, "--json")
        assert (stopped.code, stopped.result["outcome"]) == (1, "ABORTED")
        assert stopped.result["reason"] == "unknown_session"
        assert stopped.result["stop_verified"] is None
        assert "it can't start there any more" in stopped.result["error"]
        assert "nothing was run" not in stopped.result["error"]


@pytest.mark.resident
def test_a_mistyped_id_is_not_stopped(user: Dispatcher, epyc6: Vm) -> None:
    session = user.run(epyc6.name, "--exec", "true", "--json").result["session_id"]
    typed = f"{session.rpartition('-')[0][:-1]}x-{session.rpartition('-')[2]}"
    stopped = user.run("--abort", typed, "--json")
    assert (stopped.code, stopped.result["reason"]) == (1, "unknown_session")
    assert "--sessions, or --runs" in stopped.result["error"]
