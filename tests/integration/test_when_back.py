"""A host that is off is waited for, and its command runs once when the host answers."""

from __future__ import annotations

import json
import os
import random
import secrets
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.terminal import Terminal
from tests.integration.vm_processes import wait_until
from tests.lab import Fault

if TYPE_CHECKING:
    import subprocess
    from typing import Any

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Lab, Vm

pytestmark = pytest.mark.resident

HOSTS = int(os.environ.get("DX_AWAITED_HOSTS", "10"))
"""``make when-back`` takes 100."""
LONGEST_AWAY = HOSTS / 2
"""Seconds."""


@pytest.fixture
def away(epyc6: Vm) -> Vm:
    """A machine that refuses connections, and on which no file is left."""
    (epyc6.home / "ran").unlink(missing_ok=True)
    epyc6.fault(Fault.REFUSE)
    epyc6.cut_now()
    return epyc6


def times_run(vm: Vm) -> int:
    path = vm.home / "ran"
    return path.read_text().count("\n") if path.exists() else 0


def waiting(user: Dispatcher) -> list[dict[str, Any]]:
    listed = user.run("--sessions", "--json").document["sessions"]
    return [each for each in listed if each["state"] == "waiting"]


def wait_for(user: Dispatcher, *more: str, **options: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401 - Popen's own
    """A call that waits for the machine that is away."""
    call = user.start(
        *("epyc6", "--exec", "echo line >>ran; echo done", "--when-back", "10m", "--no-slack"),
        *more,
        **options,
    )
    wait_until(lambda: bool(files(user)), 60, "the call waits")
    return call


def files(user: Dispatcher) -> list[str]:
    directory = user.home / ".local" / "state" / "dxansible" / "waiting"
    return [path.name for path in directory.glob("*.json")]


def ended(call: subprocess.Popen[bytes]) -> tuple[int, bytes, bytes]:
    with call:
        out, err = call.communicate(timeout=120)
    return call.returncode, out, err


def test_hosts_that_come_back_at_random_run_it_exactly_once(user: Dispatcher, lab: Lab) -> None:
    inventory = lab.extra_hosts(HOSTS)
    gates = dict(list(lab.extras.items())[:HOSTS])
    off = random.SystemRandom().sample(sorted(gates), HOSTS * 3 // 10)
    run_id = f"back_{os.urandom(4).hex()}"
    for name in off:
        gates[name].fault(Fault.REFUSE)
    chance = random.SystemRandom()
    timers = [
        threading.Timer(chance.uniform(1, 1 + LONGEST_AWAY), gates[name].heal) for name in off
    ]
    try:
        for timer in timers:
            timer.start()
        answer = user.run(
            *("all", "--exec", f"echo $DX_SESSION >>ran-{run_id}", "--run-id", run_id),
            *("-i", str(inventory), "--when-back", "10m", "--json", "--no-slack"),
            limit=600,
        )
    finally:
        for timer in timers:
            timer.cancel()
            timer.join()
        for name in off:
            gates[name].heal()
    results = {each["host"]: each for each in answer.document["results"]}
    assert {each["outcome"] for each in results.values()} == {"SUCCESS"}, answer.err
    assert set(results) == set(gates)
    ran = [
        line
        for vm in lab.vms.values()
        if (vm.home / f"ran-{run_id}").exists()
        for line in (vm.home / f"ran-{run_id}").read_text().split()
    ]
    assert sorted(ran) == sorted(each["session_id"] for each in results.values())


def test_an_answer_ends_the_wait(user: Dispatcher, away: Vm) -> None:
    call = wait_for(user, "--jsonl")
    away.heal()
    code, out, _ = ended(call)
    events = [json.loads(line) for line in out.splitlines()]
    told = [(each["event"], each.get("state")) for each in events]
    assert code == 0
    assert times_run(away) == 1
    assert told.index(("state", "waiting")) < told.index(("state", "started"))
    assert next(each for each in events if each.get("state") == "waiting")["until"] > time.time()
    assert files(user) == []


def test_the_wait_ends_when_its_time_is_over(user: Dispatcher, away: Vm) -> None:
    answer = user.run("epyc6", "--exec", "true", "--when-back", "3", "--json", "--no-slack")
    assert answer.code == 3
    assert answer.result["outcome"] == "PREFLIGHT_FAILED"
    assert answer.result["reason"] == "HOST_UNREACHABLE"
    assert "waited 3 s" in answer.result["error"]
    assert files(user) == []
    assert times_run(away) == 0


def test_a_wait_is_listed_and_another_call_stops_it(user: Dispatcher, away: Vm) -> None:
    call = wait_for(user, "--json")
    (listed,) = waiting(user)
    assert listed["host"] == "epyc6"
    assert 0 < listed["gives_up_s"] <= 600
    assert "waiting, gives up in 9m" in user.run("--sessions").out.decode()

    followed = user.run("--logs", listed["session_id"])
    assert followed.code == 3
    assert b"has not begun" in followed.err

    stopped = user.run("--abort", listed["session_id"], "--json")
    code, out, _ = ended(call)
    away.heal()
    assert stopped.code == 0
    assert stopped.result["reason"] == "not_started"
    (result,) = json.loads(out)["results"]
    assert (code, result["outcome"], result["reason"]) == (130, "ABORTED", "not_started")
    assert waiting(user) == []
    assert times_run(away) == 0


def test_ctrl_c_starts_nothing_afterwards(user: Dispatcher, away: Vm) -> None:
    call = wait_for(user, "--json")
    call.send_signal(signal.SIGINT)
    code, out, _ = ended(call)
    away.heal()
    (result,) = json.loads(out)["results"]
    assert (code, result["reason"]) == (130, "not_started")
    assert waiting(user) == []
    assert files(user) == []
    assert times_run(away) == 0


def test_a_killed_wait_is_not_listed_and_starts_nothing(user: Dispatcher, away: Vm) -> None:
    call = wait_for(user)
    call.kill()
    ended(call)
    away.heal()
    assert waiting(user) == []
    assert files(user) == []
    assert user.run("epyc6", "--exec", "true", "--no-slack").code == 0
    assert times_run(away) == 0


def test_a_task_waits_too(user: Dispatcher, away: Vm) -> None:
    call = user.start(
        *("epyc6", "echo line >>ran", "--agent", "shell", "--when-back", "10m"),
        *("--wait", "--json", "--no-slack"),
    )
    wait_until(lambda: bool(files(user)), 60, "the call waits")
    (listed,) = waiting(user)
    assert (listed["kind"], listed["task"]) == ("agent", "echo line >>ran")
    away.heal()
    code, out, err = ended(call)
    (result,) = json.loads(out)["results"]
    assert (code, result["outcome"], result["session_id"]) == (
        0,
        "SUCCESS",
        listed["session_id"],
    ), err
    assert times_run(away) == 1


def test_a_detached_wait_outlives_its_call(user: Dispatcher, away: Vm) -> None:
    command = "echo line >>ran; echo done of the wait"
    call = user.run("epyc6", "--exec", command, "--when-back", "10m", "--detach", "--no-slack")
    assert call.code == 0
    run_id = call.out.decode().strip()
    assert f"--abort {run_id}" in call.err.decode()
    (listed,) = waiting(user)
    assert listed["session_id"].startswith(run_id)
    with Terminal(user, "--sessions", "--watch", columns=200, lines=40) as board:
        board.until(lambda: any("waiting, gives up in" in line for line in board.screen))
        assert "1 running" in board.screen[0]
    own = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in user.commands()]
    assert any(b"detached.py" in words for words in own)
    assert not any(b"of the wait" in words for words in own)

    away.heal()
    wait_until(lambda: times_run(away) == 1, 60, "the command has run")
    wait_until(lambda: not files(user), 60, "the wait is over")
    shown = user.run("--logs", run_id)
    assert (shown.code, shown.out) == (0, b"done of the wait\n")
    assert times_run(away) == 1


def test_a_detached_wait_is_stopped_by_its_id(user: Dispatcher, away: Vm) -> None:
    call = user.run(
        *("epyc6,macmini", "--exec", "echo line >>ran; sleep 60", "--when-back", "10m"),
        *("--detach", "--no-slack"),
    )
    run_id = call.out.decode().strip()
    assert (call.code, b"running" in call.err, b"waiting" in call.err) == (0, True, True), call.err
    stopped = user.run("--abort", run_id, "--json")
    away.heal()
    reasons = {each["host"]: each["reason"] for each in stopped.document["results"]}
    assert (stopped.code, reasons) == (0, {"epyc6": "not_started", "macmini": "aborted"})
    assert (waiting(user), files(user)) == ([], [])
    assert times_run(away) == 0


def test_all_calls_that_wait_under_an_id_are_stopped_at_once(user: Dispatcher, away: Vm) -> None:
    run_id = f"twice_{secrets.token_hex(4)}"
    for _ in range(2):
        call = user.run(
            *("epyc6", "--exec", "echo line >>ran", "--when-back", "10m"),
            *("--detach", "--no-slack", "--run-id", run_id),
        )
        assert call.code == 0, call.err
    stopped = user.run("--abort", run_id, "--json")
    left = (waiting(user), files(user))
    away.heal()

    assert (stopped.code, stopped.result["reason"]) == (0, "not_started")
    assert left == ([], [])
    assert times_run(away) == 0


def test_a_detached_task_is_handed_over_when_its_host_is_back(user: Dispatcher, away: Vm) -> None:
    call = user.run(
        *("epyc6,macmini", "echo line >>ran; echo done of the task", "--agent", "shell"),
        *("--when-back", "10m", "--detach", "--no-slack"),
    )
    assert call.code == 0, call.err
    sessions = dict(line.split()[::-1] for line in call.out.decode().splitlines())
    assert (b"running" in call.err, b"waiting" in call.err) == (True, True)
    (listed,) = waiting(user)
    assert (listed["session_id"], listed["kind"]) == (sessions["epyc6"], "agent")
    own = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in user.commands()]
    assert any(b"detached.py" in words for words in own)
    assert not any(b"of the task" in words for words in own)

    away.heal()
    wait_until(lambda: not files(user), 60, "the wait is over")
    for session in sessions.values():
        shown = user.run("--logs", session, "--follow", "--raw")
        assert (shown.code, shown.out) == (0, b"done of the task\n"), shown.err
    assert times_run(away) == 1


def test_a_detached_task_is_stopped_by_its_session(user: Dispatcher, away: Vm) -> None:
    call = user.run(
        *("epyc6", "--file", "-", "--agent", "shell", "--when-back", "10m", "--detach"),
        "--no-slack",
        stdin=b"echo line >>ran\n",
    )
    session = call.out.decode().strip()
    assert call.code == 0, call.err
    assert f"dx-dispatch --abort {session}" in call.err.decode()
    stopped = user.run("--abort", session, "--json")
    away.heal()
    assert (stopped.code, stopped.result["reason"]) == (0, "not_started"), stopped.err
    assert (waiting(user), files(user)) == ([], [])
    assert times_run(away) == 0


def test_a_detached_call_with_the_id_of_another_command_is_a_usage_error(
    user: Dispatcher,
) -> None:
    run_id = f"taken_{secrets.token_hex(4)}"
    detached = ("--when-back", "1m", "--detach", "--no-slack", "--run-id", run_id)
    assert user.run("epyc6", "--exec", "true", "--run-id", run_id).code == 0
    call = user.run("epyc6", "--exec", "false", *detached)

    assert (call.code, b"belongs to another command" in call.err) == (2, True)


def test_a_detached_call_that_can_not_be_made_says_why(user: Dispatcher) -> None:
    call = user.run(
        *("nobody:nothing", "--exec", "true", "--when-back", "1m", "--detach", "--no-slack")
    )
    assert call.code == 3
    assert b"no such host" in call.err
