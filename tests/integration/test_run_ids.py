"""An id belongs to its first command: the same one attaches and says so, another one is refused."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dxansible.fleet import FanoutOptions, FanoutOutcome, Reason, fanout
from tests.integration.vm_processes import wait_until, work_on

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from tests.integration.dispatcher import Answer, Dispatcher
    from tests.lab import Lab, Vm

pytestmark = pytest.mark.resident

ROOT = Path(__file__).parents[2]
UNTIL_TOLD = "echo begun; while [ ! -e finish ]; do sleep 0.1; done; echo ended"


@pytest.fixture
def run_id() -> str:
    return f"id_{secrets.token_hex(6)}"


def execute(user: Dispatcher, command: str, run_id: str, *more: str, host: str = "epyc6") -> Answer:
    return user.run(host, "--exec", command, "--run-id", run_id, *more)


def test_another_command_under_a_used_id_is_refused_as_a_usage_error(
    user: Dispatcher, epyc6: Vm, run_id: str
) -> None:
    first = execute(user, "echo one", run_id)
    other = execute(user, "touch other-command", run_id)
    as_json = execute(user, "touch other-command", run_id, "--json")
    assert (first.code, other.code, as_json.code, as_json.document["exit_code"]) == (0, 2, 2, 2)
    assert (as_json.result["outcome"], as_json.result["reason"]) == ("FAILURE", "id_conflict")
    assert as_json.result["stdout"] == ""
    assert f"dx-dispatch --logs {run_id}" in as_json.result["error"]
    assert b"reason=id_conflict" in other.err
    assert not (epyc6.home / "other-command").exists()


def test_the_same_command_attaches_and_says_so_everywhere(user: Dispatcher, run_id: str) -> None:
    first = execute(user, "echo one", run_id, "--json")
    again = execute(user, "echo one", run_id)
    as_json = execute(user, "echo one", run_id, "--json", "--timeout", "90")
    assert (first.result["attached"], as_json.result["attached"]) == (False, True)
    assert (again.code, again.out) == (0, b"one\n")
    assert b"attached=true" in again.err
    assert b"attached: " in again.err.splitlines()[-1]
    assert b"attached" not in first.err
    assert b"attached" not in user.run("--logs", run_id).err, "that is what a log is for"


def test_a_call_that_comes_back_to_its_own_command_has_not_attached(
    user: Dispatcher, epyc6: Vm, run_id: str
) -> None:
    epyc6.cut_after(down=20_000)
    result = execute(user, "head -c 75000 /dev/urandom | base64", run_id, "--json").result
    assert (result["outcome"], result["attempts"], result["attached"]) == ("SUCCESS", 2, False)


def test_of_two_commands_that_start_at_once_under_one_id_one_runs(
    user: Dispatcher, epyc6: Vm, pool: ThreadPoolExecutor, run_id: str
) -> None:
    commands = [f"echo {number} >>{run_id}; sleep 1" for number in range(4)]
    answers = list(pool.map(lambda command: execute(user, command, run_id), commands))
    assert sorted(answer.code for answer in answers) == [0, 2, 2, 2]
    (winner,) = (number for number, answer in enumerate(answers) if answer.code == 0)
    assert (epyc6.home / run_id).read_text() == f"{winner}\n"


def test_one_refused_host_of_several_has_a_result_of_its_own(user: Dispatcher, run_id: str) -> None:
    execute(user, "echo one", run_id)
    answer = execute(user, "echo two", run_id, "--json", host="epyc6,macmini")
    reasons = {each["host"]: each["reason"] for each in answer.document["results"]}
    assert reasons == {"epyc6": "id_conflict", "macmini": "ok"}
    assert (answer.code, answer.document["exit_code"]) == (1, 1)


def test_stopping_a_refused_call_leaves_the_command_of_that_id_alone(
    here: Dispatcher, until_told: Vm, run_id: str
) -> None:
    first = here.start("epyc6", "--exec", UNTIL_TOLD, "--run-id", run_id)
    wait_until(lambda: bool(work_on(until_told)), 60, "the command runs")
    stopped = threading.Event()
    stopped.set()
    (result,) = fanout("epyc6", "echo two", FanoutOptions(run_id=run_id), cancelled=stopped)
    assert (result.outcome, result.reason) == (FanoutOutcome.FAILURE, Reason.ID_CONFLICT)
    (until_told.home / "finish").touch()
    out, _ = first.communicate(timeout=60)
    assert (first.returncode, out) == (0, b"begun\nended\n")


def test_the_python_interface_refuses_and_attaches_too(here: Dispatcher, run_id: str) -> None:
    options = FanoutOptions(run_id=run_id)
    commands = ("echo one", "echo two", "echo one")
    results = [fanout("epyc6", command, options)[0] for command in commands]
    assert [result.reason for result in results] == [Reason.OK, Reason.ID_CONFLICT, Reason.OK]
    assert [result.attached for result in results] == [False, False, True]
    assert here.home.exists()


def test_a_playbook_run_by_itself_refuses_another_command(
    user: Dispatcher, epyc6: Vm, tmp_path: Path, run_id: str
) -> None:
    ends = []
    for command in ("echo one", "touch other-command"):
        request = tmp_path / "request.json"
        request.write_text(json.dumps({"dx_command": command, "dx_run_id": run_id}))
        done = subprocess.run(
            [
                Path(sys.executable).parent / "ansible-playbook",
                ROOT / "playbooks/run-command.yml",
                *("-i", user.environment["DX_INVENTORY"], "-e", f"@{request}", "--limit", "epyc6"),
            ],
            env=user.environment,
            capture_output=True,
            check=False,
        )
        ends.append((done.returncode, b"belongs to another command" in done.stdout))
    assert ends == [(0, False), (2, True)]
    assert not (epyc6.home / "other-command").exists()


def test_an_id_works_as_its_user_chose_it_and_by_any_beginning(
    user: Dispatcher, run_id: str
) -> None:
    execute(user, "echo one; exit 3", run_id)
    session = execute(user, "echo one; exit 3", run_id, "--json").result["session_id"]
    for typed in (run_id, run_id[:-1], session, session[:-3]):
        logs = user.run("--logs", typed)
        assert (logs.code, logs.out) == (1, b"one\n"), typed
    status = user.run("--status", run_id[:-1], "--json").document["sessions"]
    assert [(each["session_id"], each["exit_code"]) for each in status] == [(session, 3)]
    text = user.run("--status", session).out.decode()
    assert "echo one; exit 3" in text
    assert "failed" in text


def test_the_beginning_of_several_ids_is_refused_with_all_of_them(
    user: Dispatcher, until_told: Vm, run_id: str
) -> None:
    execute(user, "echo one", f"{run_id}_a")
    execute(user, "echo one", f"{run_id}_b")
    for mode in ("--logs", "--abort", "--status"):
        answer = user.run(mode, run_id)
        assert (answer.code, answer.out) == (2, b"")
        assert f"give one of them: {run_id}_a, {run_id}_b".encode() in answer.err
    execute(user, "echo whole", run_id)
    assert user.run("--logs", run_id).out == b"whole\n"
    assert until_told.name == "epyc6"


def test_an_id_that_nobody_knows_is_a_usage_error(user: Dispatcher, run_id: str) -> None:
    for mode, code in (("--logs", 2), ("--abort", 2), ("--status", 3)):  # --status takes hosts, too
        answer = user.run(mode, run_id)
        assert (answer.code, answer.out) == (code, b""), mode
        assert run_id.encode() in answer.err


def test_a_run_on_several_hosts_is_read_and_stopped_on_all_of_them(
    user: Dispatcher, lab: Lab, run_id: str
) -> None:
    vms = (lab.vms["epyc6"], lab.vms["macmini"])
    for vm in vms:
        (vm.home / "finish").unlink(missing_ok=True)
    others = {left for vm in vms for left in work_on(vm)}  # what other tests have left
    command = ("--exec", UNTIL_TOLD, "--run-id", run_id, "--timeout", "600")
    with user.start("epyc6,macmini", *command) as client:
        wait_until(lambda: all({*work_on(vm)} - others for vm in vms), 60, "it runs on both")
        aborted = user.run("--abort", run_id, "--json")
        client.communicate(timeout=60)
    assert aborted.code == 0
    assert {each["host"]: each["stop_verified"] for each in aborted.document["results"]} == {
        "epyc6": True,
        "macmini": True,
    }
    assert not {left for vm in vms for left in work_on(vm)} - others
    lines = user.run("--logs", run_id).out.splitlines()
    assert sorted(lines) == [b"epyc6   | begun", b"macmini | begun"]


@pytest.mark.parametrize("bad", ["ses_mine", "123456789012345678", "a-b", ""])
def test_an_id_that_is_none_or_would_be_taken_for_another_kind_is_refused(
    user: Dispatcher, bad: str
) -> None:
    answer = execute(user, "true", bad)
    assert (answer.code, answer.out) == (2, b"")
