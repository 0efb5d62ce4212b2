"""``vm_error`` and ``not_started`` are said only of what has certainly not begun.

Each test puts its fault at the moment in which the command has begun and its caller has not heard.
"""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.dispatcher import marked_processes
from tests.integration.inventories import variables_of, write_hosts
from tests.integration.vm_processes import untraced, wait_until
from tests.lab import Fault, processes

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Vm

pytestmark = pytest.mark.directed

COMMAND = "echo line >>ran; while [ ! -e finish ]; do sleep 0.1; done; echo done"
_KILLER = """#!/bin/sh
if [ ! -e {home}/once ] && tr '\\0' ' ' <"/proc/$PPID/cmdline" | grep -q ' start '; then
    touch {home}/once
    {more}
    kill -KILL "$PPID"
fi
PATH={path} exec date "$@"
"""
"""A `date`, which the start of a command calls once it has set off the command's supervisor."""
_SICK = 'if [ -e "$HOME/sick" ]; then echo "fork: no more processes" >&2; exit {code}; fi\n'


@pytest.fixture
def vm(epyc6: Vm) -> Iterator[Vm]:
    """A machine whose login shell is as ever, before and after."""
    names = ("ran", "finish", "once", "sick", ".bashrc", "tools/date")
    with untraced(epyc6, *names) as machine:
        yield machine
        machine.heal()
        (machine.home / "finish").touch()


def set_up(vm: Vm, *, more: str = "", code: int = 254) -> None:
    """Have the shell of a start killed, and the login shell outlive it; ``more`` happens then."""
    tools = vm.home / "tools"
    tools.mkdir(exist_ok=True)
    killer = _KILLER.format(home=vm.home, more=more or ":", path=os.defpath)
    (tools / "date").write_text(killer)
    (tools / "date").chmod(0o755)
    startup = f"{_SICK.format(code=code)}PATH={tools}:$PATH\ntrap : EXIT\n"
    (vm.home / ".bashrc").write_text(startup)


def times_run(vm: Vm) -> int:
    path = vm.home / "ran"
    return path.read_text().count("\n") if path.exists() else 0


def test_a_start_whose_shell_is_killed_is_followed(user: Dispatcher, vm: Vm) -> None:
    set_up(vm)
    (vm.home / "finish").touch()
    answer = user.run("epyc6", "--exec", COMMAND, "--json", "--no-slack")

    assert (vm.home / "once").exists(), "no start was killed"
    assert (answer.code, answer.result["reason"]) == (0, "ok"), answer.result["error"]
    assert (answer.result["stdout"], answer.result["attached"]) == ("done\n", False)
    assert times_run(vm) == 1


def test_a_start_that_nobody_can_ask_about_is_a_lost_contact(user: Dispatcher, vm: Vm) -> None:
    set_up(vm, more=f"touch {vm.home}/sick")
    answer = user.run("epyc6", "--exec", COMMAND, "--json", "--no-slack")

    wait_until(lambda: times_run(vm) == 1, 60, "the command runs")
    assert (answer.code, answer.result["reason"]) == (1, "lost_contact")
    assert "fork: no more processes" in answer.result["error"]
    assert f"--logs {answer.result['session_id']}" in answer.result["error"]

    (vm.home / "sick").unlink()
    (vm.home / "finish").touch()
    told = user.run("--logs", answer.result["session_id"])
    assert (told.code, told.out) == (0, b"done\n")


def test_a_turn_s_start_whose_shell_is_killed_is_followed(user: Dispatcher, vm: Vm) -> None:
    set_up(vm)
    (vm.home / "finish").touch()
    answer = user.run("epyc6", COMMAND, "--agent", "shell", "--wait", "--json", "--no-slack")

    assert (vm.home / "once").exists(), "no start was killed"
    assert (answer.code, answer.result["reason"]) == (0, "ok"), answer.result["error"]
    assert times_run(vm) == 1


def test_a_shell_that_runs_nothing_is_an_error_of_the_vm_at_once(user: Dispatcher, vm: Vm) -> None:
    set_up(vm, code=1)
    (vm.home / "sick").touch()
    answer = user.run("epyc6", "--exec", COMMAND, "--json", "--no-slack")

    result = answer.result
    assert (answer.code, result["reason"], result["attempts"]) == (1, "vm_error", 1)
    assert result["error"] == "epyc6: fork: no more processes"
    assert times_run(vm) == 0


def words_of(pid: int) -> bytes:
    return processes.read(pid, "cmdline")


def drivers(user: Dispatcher) -> list[int]:
    """The processes of ansible-playbook that pass on what the workers tell."""
    found = []
    for pid in marked_processes(f"DXTEST={user.home}"):
        with suppress(OSError, ValueError, IndexError):
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            if b"ansible-playbook" in words_of(pid) and b"ansible-playbook" not in words_of(
                int(stat[1])
            ):
                found.append(pid)
    return found


def waits(user: Dispatcher) -> bool:
    directory = user.home / ".local" / "state" / "dxansible" / "waiting"
    return any(directory.glob("*.json"))


def interrupted(call: subprocess.Popen[bytes], vm: Vm, then: Callable[[], None]) -> str:
    """Press Ctrl-C when the machine can't be reached any more; return the reason."""
    vm.fault(Fault.REFUSE)
    vm.cut_now()
    call.send_signal(signal.SIGINT)
    then()
    out, err = call.communicate(timeout=120)
    (result,) = json.loads(out)["results"]
    assert call.returncode in {1, 130}, err
    assert result["stop_verified"] is not True
    return str(result["reason"])


@pytest.mark.engines
def test_a_command_that_began_unheard_is_not_called_not_started(user: Dispatcher, vm: Vm) -> None:
    vm.fault(Fault.REFUSE)
    vm.cut_now()
    with user.start(
        *("epyc6", "--exec", COMMAND, "--when-back", "10m", "--json", "--no-slack")
    ) as call:
        wait_until(lambda: waits(user), 60, "the call waits")
        held = drivers(user)
        for pid in held:
            os.kill(pid, signal.SIGSTOP)
        try:
            vm.heal()
            wait_until(lambda: times_run(vm) == 1, 90, "the command runs")
            assert waits(user), "the caller has heard of it"

            def let_go() -> None:
                """What is held of a cold run is killed; an engine has to answer the stop."""
                if user.has_engines:
                    time.sleep(0.5)  # by then the client has hung up
                    resume(held)

            reason = interrupted(call, vm, let_go)
        finally:
            resume(held)
            call.kill()
    assert reason in {"aborted", "lost_contact"}


def resume(held: list[int]) -> None:
    """Let the processes go on, if they are still there."""
    for pid in held:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def test_a_host_that_was_away_in_the_checks_is_not_away_for_ever(
    user: Dispatcher, vm: Vm, tmp_path: Path
) -> None:
    status, command = tmp_path / "status.json", tmp_path / "bin" / "tailscale"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\n[ "$*" = "status --json" ] && exec cat {status}\n')
    command.chmod(0o755)
    user.environment["PATH"] = f"{command.parent}{os.pathsep}{user.environment['PATH']}"
    inventory = write_hosts(tmp_path, {"fine": {**variables_of(vm), "dx_auth_mode": "tailscale"}})

    def tell(*, online: bool) -> None:
        here, there = (
            {"HostName": name, "DNSName": f"{name}.example.ts.net.", "Online": is_on}
            for name, is_on in (("here", True), ("fine", online))
        )
        known = {"BackendState": "Running", "Self": here, "Peer": {"nodekey:1": there}}
        status.with_suffix(".new").write_text(json.dumps(known))
        status.with_suffix(".new").rename(status)

    events = tmp_path / "events"
    events.touch()
    tell(online=False)
    with user.start(
        *("fine", "-i", str(inventory), "--exec", COMMAND, "--when-back", "10m"),
        *("--json", "--no-slack"),
        env={"DX_EVENTS": str(events)},
    ) as call:
        try:
            wait_until(lambda: waits(user), 60, "the call waits")
            tell(online=True)
            wait_until(lambda: '"started"' in events.read_text(), 90, "the command runs")
            reason = interrupted(call, vm, lambda: None)
        finally:
            call.kill()
    assert reason in {"aborted", "lost_contact"}
