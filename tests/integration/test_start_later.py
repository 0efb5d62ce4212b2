"""A command for later is delivered now, and its VM starts it then, with nobody's help."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.vm_processes import wait_until

if TYPE_CHECKING:
    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Vm

SOON = re.compile(rb"scheduled, starts in (1h 59m|2h 0m)")
pytestmark = pytest.mark.resident


@pytest.fixture
def vm(epyc6: Vm) -> Vm:
    """A machine on which no file is left."""
    (epyc6.home / "ran").unlink(missing_ok=True)
    return epyc6


def schedule(user: Dispatcher, when: str, *more: str) -> dict[str, Any]:
    """Have a command started later, and return its result."""
    command = "echo line >>ran; echo done"
    answer = user.run("epyc6", "--exec", command, when, *more, "--json", "--no-slack")
    assert answer.code == 0, answer.err
    assert answer.document["outcome"] is None
    return answer.result


def test_the_vm_starts_it_once_and_its_log_waits_for_it(user: Dispatcher, vm: Vm) -> None:
    result = schedule(user, "--in=4s")
    assert result["outcome"] is None
    assert 0 < result["starts_s"] <= 4
    assert not (vm.home / "ran").exists()
    user.drop_connections()
    shown = user.run("--logs", result["session_id"], "--follow")
    assert (shown.code, shown.out) == (0, b"done\n")
    assert (vm.home / "ran").read_text() == "line\n"


def test_it_is_listed_and_an_abort_means_that_it_never_starts(user: Dispatcher, vm: Vm) -> None:
    session = schedule(user, "--in=2h")["session_id"]
    (listed,) = [
        each
        for each in user.run("--sessions", "epyc6", "--json").document["sessions"]
        if each["session_id"] == session
    ]
    assert (listed["state"], listed["outcome"]) == ("scheduled", None)
    assert 7000 < listed["starts_s"] <= 7200
    assert SOON.search(user.run("--sessions", "epyc6").out)
    stopped = user.run("--abort", session, "--json")
    assert (stopped.code, stopped.result["outcome"]) == (0, "ABORTED")
    assert stopped.result["reason"] == "not_started"
    assert "nothing was run" in stopped.result["error"]
    again = user.run("--status", session, "--json").document["sessions"]
    assert [each["reason"] for each in again] == ["not_started"]
    assert not (vm.home / "ran").exists()


def test_the_same_id_keeps_its_time(user: Dispatcher, vm: Vm) -> None:
    run_id = f"later_{os.urandom(4).hex()}"
    first = schedule(user, "--in=1h", "--run-id", run_id)
    second = schedule(user, "--in=2h", "--run-id", run_id)
    assert (first["attached"], second["attached"]) == (False, True)
    assert second["starts_s"] <= 3600
    assert user.run("--abort", run_id).code == 0
    assert not (vm.home / "ran").exists()


def later(user: Dispatcher, when: str, *more: str) -> dict[str, Any]:
    """Have a turn started later, and return its result."""
    task = ("echo line >>ran; echo done", "--agent", "shell")
    target = () if "--session" in more else ("epyc6",)
    answer = user.run(*target, *task[: 1 if more else 3], when, *more, "--json", "--no-slack")
    assert answer.code == 0, answer.err
    assert answer.result["outcome"] is None
    return answer.result


def test_the_vm_starts_a_turn_once_and_its_log_waits_for_it(user: Dispatcher, vm: Vm) -> None:
    result = later(user, "--in=8s")
    user.drop_connections()
    shown = user.run("--logs", result["session_id"], "--follow", "--jsonl")
    events = [json.loads(line) for line in shown.out.splitlines()]
    states = [each["state"] for each in events if each["event"] == "state"]
    assert shown.code == 0, shown.err
    assert states[-1] == "started"
    assert "".join(each["text"] for each in events if each["event"] == "output") == "done\n"
    assert (vm.home / "ran").read_text() == "line\n"
    further = later(user, "--in=1s", "--session", result["session_id"])
    assert further["turn"] == 2
    shown = user.run("--logs", result["session_id"], "--follow")
    assert shown.out.splitlines().count(b"done") == 2
    assert (vm.home / "ran").read_text() == "line\n" * 2


def test_a_scheduled_turn_is_listed_and_an_abort_means_that_it_never_starts(
    user: Dispatcher, vm: Vm
) -> None:
    session = later(user, "--in=2h")["session_id"]
    logs = user.run("--logs", session, "--jsonl")  # it waits for nothing
    events = [json.loads(line) for line in logs.out.splitlines()]
    assert [each["state"] for each in events if each["event"] == "state"][-1] == "scheduled"
    assert (logs.code, events[-1]["running"]) == (0, 1)
    shown = user.run("--status", session)
    assert SOON.search(shown.out)
    busy = user.run("--session", session, "true", "--json", "--no-slack")
    assert (busy.code, busy.result["reason"]) == (1, "session_busy")
    assert "starts later" in busy.result["error"]
    stopped = user.run("--abort", session, "--json")
    assert (stopped.code, stopped.result["outcome"]) == (0, "ABORTED"), stopped.err
    assert stopped.result["reason"] == "not_started"
    listed = user.run("--sessions", "epyc6", "--json").document["sessions"]
    assert [each["state"] for each in listed if each["session_id"] == session] == ["aborted"]
    assert not (vm.home / "ran").exists()


def test_a_time_of_day_is_the_next_one(user: Dispatcher, vm: Vm) -> None:
    moment = time.localtime(time.time() + 7200)
    result = schedule(user, f"--at={moment.tm_hour:02}:{moment.tm_min:02}")
    assert 7200 - 180 < result["starts_s"] <= 7200
    assert user.run("--abort", result["session_id"]).code == 0
    assert not (vm.home / "ran").exists()


def test_a_vm_that_went_down_before_says_that_it_was_not_started(user: Dispatcher, vm: Vm) -> None:
    session = schedule(user, "--in=1h")["session_id"]
    place = vm.home / ".local/state/dxansible/sessions" / session / "sleeper"
    wait_until(lambda: place.exists() and place.read_text().endswith("\n"), 30, "it sleeps")
    os.kill(int(place.read_text().split()[0]), signal.SIGKILL)
    shown = user.run("--logs", session, "--json")
    (result,) = json.loads(shown.out)["results"]
    assert (shown.code, result["reason"]) == (1, "not_started")
    assert "nothing was run" in result["error"]
    assert not (vm.home / "ran").exists()


def test_events_say_when_it_starts(user: Dispatcher, vm: Vm) -> None:
    answer = user.run("epyc6", "--exec", "true", "--in", "1h", "--jsonl", "--no-slack")
    events = [json.loads(line) for line in answer.out.splitlines()]
    (state,) = [each for each in events if each.get("state") == "scheduled"]
    assert 3500 < state["until"] - time.time() <= 3601
    assert "started" not in [each.get("state") for each in events]
    assert (events[-1]["event"], events[-1]["outcome"]) == ("summary", None)
    assert user.run("--abort", state["session_id"]).code == 0
    assert not (vm.home / "ran").exists()
