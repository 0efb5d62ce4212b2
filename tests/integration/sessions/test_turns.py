"""A session's turns: one after the other, by whoever has the id, until somebody stops it."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.integration.sessions.work import (
    Work,
    await_end,
    begin,
    processes_of,
    read_words,
    session_of,
    state_of,
    turn_directory,
)
from tests.integration.traces import private_directories
from tests.integration.vm_processes import bystander, lives, wait_until

if TYPE_CHECKING:
    import subprocess

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Vm

pytestmark = pytest.mark.resident


def test_a_further_turn_runs_in_the_same_session_and_place(user: Dispatcher, epyc6: Vm) -> None:
    first = user.run("epyc6", "echo one; variable=kept", "--wait", "--json").result
    session = first["session_id"]
    second = user.run("--session", session, 'echo "two$variable"', "--wait", "--json")
    result = second.result
    assert (second.code, result["session_id"], result["turn"]) == (0, session, 2)
    assert result["message"] == "two\n"  # a new shell
    assert result["directory"] == first["directory"]
    third = user.run("epyc6", "--session", session, "echo three")
    assert session_of(third) == session
    await_end(epyc6, session, 3)
    everything = user.run("--logs", session, "--raw")
    assert (everything.code, everything.out) == (0, b"one\ntwo\nthree\n")


def test_a_prompt_for_a_session_that_is_busy_is_refused(user: Dispatcher, work: Work) -> None:
    session = begin(user, work.task)
    work.runs()
    answer = user.run("--session", session, 'touch "$HOME/second"', "--json")
    result = answer.result
    assert (answer.code, result["outcome"], result["reason"]) == (1, "FAILURE", "session_busy")
    assert f"dx-dispatch --logs {session} --follow" in result["error"]
    assert "--queue" in result["error"]
    assert state_of(user, session) == "running"
    work.end()
    await_end(work.vms[0], session)
    assert not turn_directory(work.vms[0], session, 2).exists()
    assert not (work.vms[0].home / "second").exists()


def test_a_prompt_that_queues_runs_after_the_turn_before(user: Dispatcher, work: Work) -> None:
    session = begin(user, work.task)
    work.runs()
    task = f'cat "$HOME/{work.name}.end"; echo "$DX_SESSION" >>"$HOME/{work.name}"; echo second'
    with user.start("--session", session, task, "--queue", "--wait") as client:
        _await_words(client, f"epyc6: waiting for the turn of {session} that is running")
        assert not turn_directory(work.vms[0], session, 2).exists()
        work.end()
        out, err = client.communicate(timeout=60)
    assert (client.returncode, out) == (0, b"second\n"), err
    assert work.turns == [f"{session}.1", f"{session}.2"]


def _await_words(client: subprocess.Popen[bytes], words: str) -> None:
    assert client.stderr
    for line in client.stderr:
        if words in line.decode():
            return
    pytest.fail(f"it never said: {words}")


def test_success_needs_the_check_as_well(user: Dispatcher) -> None:
    check = 'echo checked; test -e "$HOME/$DX_SESSION"; exit'
    good = user.run("epyc6", 'touch "$HOME/$DX_SESSION"', "--verify", check, "--wait")
    assert (good.code, good.out) == (0, b"")
    assert b"\nchecked\n" in good.err
    bad = user.run("epyc6", "echo done", "--verify", "exit 9", "--wait", "--json")
    result = bad.result
    assert (bad.code, result["outcome"], result["reason"]) == (1, "FAILURE", "verify_failed")
    assert (result["verify_exit_code"], result["message"]) == (9, "done\n")


def test_what_the_agent_has_not_done_is_not_checked(user: Dispatcher) -> None:
    answer = user.run(
        "epyc6", "exit 7", "--verify", 'touch "$HOME/checked"; echo no', "--wait", "--json"
    )
    result = answer.result
    assert (answer.code, result["reason"], result["exit_code"]) == (1, "exit_nonzero", 7)
    assert result["verify_exit_code"] is None


def test_ctrl_c_only_stops_watching_and_says_how_to_come_back(user: Dispatcher, work: Work) -> None:
    with user.start("epyc6", work.task, "--wait", bufsize=0) as client:
        assert client.stdout
        read_words(client.stdout, b"begun")
        os.killpg(client.pid, signal.SIGINT)
        out, err = client.communicate(timeout=60)
    (turn,) = work.turns
    session = turn.removesuffix(".1")
    assert (client.returncode, out.strip()) == (130, b"")
    assert b"stopped following" in err
    assert f"running  goes on; come back with: dx-dispatch --logs {session} --follow" in _text(err)
    assert processes_of(session)
    work.end()
    later = user.run("--logs", session, "--raw", "--follow")
    assert (later.code, later.out) == (0, b"begun\nended\n")
    assert len(work.turns) == 1


def _text(words: bytes) -> str:
    return words.decode()


@pytest.mark.newcomer
def test_an_interrupted_start_says_that_the_vm_has_not_confirmed(user: Dispatcher) -> None:
    runtime = user.home / "run"
    runtime.mkdir(mode=0o700)
    user.use_runtime_directory(runtime)
    with user.start("epyc6", "sleep 5", "--json") as client:
        wait_until(lambda: bool(private_directories(runtime)), 60, "Ansible is being started")
        os.killpg(client.pid, signal.SIGINT)
        out, err = client.communicate(timeout=60)
    assert client.returncode == 130, err
    assert b"Traceback" not in err
    assert b'"ABORTED"' in out


def test_an_abort_ends_the_whole_tree_of_the_turn_and_nothing_else(
    user: Dispatcher, other: Dispatcher, work: Work, epyc6: Vm
) -> None:
    task = f"setsid sleep 1000 & (setsid sleep 1000 &); {work.task}"
    with user.start("epyc6", task, "--wait", "--json") as client, bystander(epyc6) as decoy:
        work.runs()
        session = work.turns[0].removesuffix(".1")
        assert len(processes_of(session)) > 3
        answer = other.run("--abort", session, "--json")
        assert processes_of(session) == []
        assert lives(decoy)
        out, _ = client.communicate(timeout=60)
    assert (answer.code, answer.result["outcome"]) == (0, "ABORTED")
    assert answer.result["stop_verified"] is True
    assert (client.returncode, b'"ABORTED"' in out, b'"aborted"' in out) == (130, True, True)
    again = other.run("--abort", session)
    assert again.code == 0, again.err
    assert state_of(user, session) == "aborted"


def test_an_abort_of_what_has_ended_says_so_and_changes_nothing(user: Dispatcher) -> None:
    session = user.run("epyc6", "exit 3", "--wait", "--json").result["session_id"]
    answer = user.run("--abort", session, "--json")
    assert (answer.code, answer.result["stop_verified"]) == (0, True)
    assert (answer.result["outcome"], answer.result["exit_code"]) == ("FAILURE", 3)
    assert "had already ended: FAILURE (exit code 3)" in answer.result["error"]
    assert state_of(user, session) == "failed"


def test_an_id_that_no_vm_knows_is_a_usage_error_with_the_nearest(user: Dispatcher) -> None:
    session = begin(user, "exit 0")
    run, _, host = session.partition("-")
    wrong = run[:-1] + ("0" if run[-1] != "0" else "1")
    answer = user.run("--abort", f"{wrong}-{host}")
    assert (answer.code, answer.out) == (2, b"")
    assert f"no session named {wrong}-{host}; did you mean {session}" in _text(answer.err)
    elsewhere = user.run("--abort", f"{run}-01234567", "--json")
    assert (elsewhere.code, elsewhere.document["exit_code"]) == (2, 2)
    assert session in elsewhere.document["error"]["remedy"]
