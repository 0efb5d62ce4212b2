"""Clients that are interrupted, killed or no longer read: what becomes of the command."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.dispatcher import Dispatcher, marked_processes
from tests.integration.traces import private_directories
from tests.integration.vm_processes import bystander, forget, left_on, lives, untraced, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.lab import Lab, Vm

pytestmark = pytest.mark.engines

FOR_EVER = "sleep 86400 & echo begun; echo >ready; sleep 86400"
UNTIL_TOLD = "echo begun; echo >ready; while [ ! -e finish ]; do sleep 0.1; done; echo ended"


@pytest.fixture
def vm(lab: Lab) -> Iterator[Vm]:
    """A machine without traces of other commands, before and after."""
    with untraced(lab.vms["macmini"], "ready", "finish") as machine:
        yield machine


def begin(
    user: Dispatcher, vm: Vm, command: str, *more: str, stop_after: float = 600
) -> subprocess.Popen[bytes]:
    """Start a client, and return it when its command runs on the machine."""
    client = user.start("macmini", "--exec", command, "--timeout", str(stop_after), *more)
    wait_until((vm.home / "ready").exists, 60, "the command runs")
    return client


def session_on(vm: Vm) -> str:
    """The id of the command that ran there last."""
    sessions = (vm.home / ".local/state/dxansible/sessions").iterdir()
    return max(sessions, key=lambda path: path.stat().st_mtime_ns).name


def at_the_terminal(client: subprocess.Popen[bytes]) -> None:
    """Press Ctrl-C: the terminal signals all processes in the foreground."""
    os.killpg(client.pid, signal.SIGINT)


WAYS: dict[str, Callable[[subprocess.Popen[bytes]], None]] = {
    "Ctrl-C": at_the_terminal,
    "SIGINT": lambda client: client.send_signal(signal.SIGINT),
    "SIGTERM": lambda client: client.send_signal(signal.SIGTERM),
    "SIGHUP": lambda client: client.send_signal(signal.SIGHUP),
}


@pytest.mark.sampled("user")
@pytest.mark.parametrize("interrupt", WAYS.values(), ids=WAYS)
def test_an_interrupted_client_stops_its_command_and_nothing_else(
    user: Dispatcher, vm: Vm, interrupt: Callable[[subprocess.Popen[bytes]], None]
) -> None:
    with begin(user, vm, FOR_EVER, "--json") as client, bystander(vm) as decoy:
        interrupt(client)
        out, err = client.communicate(timeout=60)
        assert lives(decoy)
        assert not left_on(vm)
    (result,) = json.loads(out)["results"]
    assert (client.returncode, result["outcome"], result["stop_verified"]) == (130, "ABORTED", True)
    assert result["reason"] == "aborted"
    assert b"aborted host=macmini" in err
    assert b"Traceback" not in err


def test_an_interrupt_stops_the_command_on_every_host(user: Dispatcher, lab: Lab) -> None:
    vms = list(lab.vms.values())
    for vm in vms:
        forget(vm, "ready", "finish")
    with user.start("all", "--exec", FOR_EVER, "--timeout", "600", "--json") as client:
        for vm in vms:
            wait_until((vm.home / "ready").exists, 60, "the command runs")
        at_the_terminal(client)
        out, _ = client.communicate(timeout=60)
    assert client.returncode == 130
    for result in json.loads(out)["results"]:
        assert (result["outcome"], result["stop_verified"]) == ("ABORTED", True)
    for vm in vms:
        assert not left_on(vm)
        forget(vm, "ready", "finish")


@pytest.fixture
def runtime(user: Dispatcher) -> Path:
    """The directory for private directories of this user alone."""
    directory = user.home / "run"
    directory.mkdir()
    user.use_runtime_directory(directory)
    if user.has_engines:  # it answers once all of its processes are there
        user.run("nobody", "--exec", "true", "--no-slack")
    _OF_ENGINES[directory] = frozenset(_remains(user, directory))
    return directory


_OF_ENGINES: dict[Path, frozenset[str]] = {}
"""What there is of engines alone, by the directory of a test."""


@pytest.mark.alone  # an engine has started Ansible long before
def test_a_command_that_is_interrupted_before_it_begins_never_does(
    user: Dispatcher, vm: Vm, runtime: Path
) -> None:
    with user.start("macmini", "--exec", FOR_EVER, "--json") as client:
        wait_until(lambda: bool(private_directories(runtime)), 60, "Ansible is being started")
        at_the_terminal(client)
        out, err = client.communicate(timeout=60)
    (result,) = json.loads(out)["results"]
    assert (client.returncode, result["outcome"], result["stop_verified"]) == (
        130,
        "ABORTED",
        True,
    ), result
    assert (result["host"], result["user"]) == ("macmini", vm.user)
    assert b"Traceback" not in err
    assert not left_on(vm)
    assert not (vm.home / "ready").exists()


@pytest.mark.alone  # an engine has started Ansible long before
def test_an_interrupted_health_check_says_so(user: Dispatcher, runtime: Path) -> None:
    with user.start("--list", "--json") as client:
        wait_until(lambda: bool(private_directories(runtime)), 60, "Ansible is being started")
        at_the_terminal(client)
        out, err = client.communicate(timeout=60)
    document = json.loads(out)
    assert (client.returncode, document["exit_code"], document["schema"]) == (130, 130, 1)
    assert document["error"]["message"] == "interrupted"
    assert err.strip() == b""


def test_a_second_interrupt_does_not_wait_for_the_stop(user: Dispatcher, vm: Vm) -> None:
    stubborn = "trap '' TERM; echo >ready; while :; do sleep 1; done"
    with begin(user, vm, stubborn, "--json") as client:
        assert client.stderr
        at_the_terminal(client)
        while b"stopping the command" not in client.stderr.readline():
            pass
        client.send_signal(signal.SIGINT)
        out, err = client.communicate(timeout=60)
    assert client.returncode == 130
    run_id = session_on(vm).rpartition("-")[0]
    words = f"the command may still be running on the VM; see: dx-dispatch --logs {run_id}"
    assert words.encode() in err
    assert run_id in json.loads(out)["error"]["message"]
    assert b"aborted host=" not in err


@pytest.mark.sampled("user")
def test_an_interrupt_of_the_python_interface_stops_the_command_and_is_raised(
    user: Dispatcher, vm: Vm
) -> None:
    program = (
        "import signal, sys\nfrom dxansible.fleet import fanout_ssh\n"
        # tests that a shell has in its background ignore it
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "try:\n    fanout_ssh('macmini', sys.argv[1], timeout_sec=600)\n"
        "except KeyboardInterrupt:\n    print('interrupted')\n"
    )
    arguments = [sys.executable, "-c", program, FOR_EVER]
    with subprocess.Popen(
        arguments, env=user.environment, stdout=subprocess.PIPE, start_new_session=True
    ) as client:
        wait_until((vm.home / "ready").exists, 60, "the command runs")
        at_the_terminal(client)
        out, _ = client.communicate(timeout=60)
        assert (out, client.returncode) == (b"interrupted\n", 0)
        assert not left_on(vm)


def remains(user: Dispatcher, runtime: Path) -> list[str]:
    """What there is of calls: private directories, and processes but for live ssh connections."""
    return [each for each in _remains(user, runtime) if each not in _OF_ENGINES[runtime]]


def _remains(user: Dispatcher, runtime: Path) -> list[str]:
    lines = [process_line(pid) for pid in marked_processes(f"DXTEST={user.home}")]
    running = [line for line in lines if line and "[mux]" not in line]
    return [*running, *map(str, private_directories(runtime))]


def process_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        return ""


@pytest.mark.newcomer
@pytest.mark.sampled("user")
def test_a_killed_client_leaves_its_command_to_run_and_nothing_here(
    user: Dispatcher, vm: Vm, runtime: Path
) -> None:
    with begin(user, vm, UNTIL_TOLD) as client:
        assert remains(user, runtime)
        client.kill()
    wait_until(lambda: not remains(user, runtime), 15, "nothing is left of the killed client")
    assert left_on(vm)
    (vm.home / "finish").touch()
    later = user.run("--logs", session_on(vm))
    assert (later.code, later.out) == (0, b"begun\nended\n")
    assert b"macmini  SUCCESS" in later.err


@pytest.mark.resident
def test_a_killed_clients_command_still_ends_at_its_deadline(user: Dispatcher, vm: Vm) -> None:
    with begin(user, vm, FOR_EVER, stop_after=4) as client:
        client.kill()
    wait_until(lambda: not left_on(vm), 30, "the deadline ends the command")
    later = user.run("--logs", session_on(vm), "--json")
    assert (later.code, later.result["outcome"]) == (124, "TIMEOUT")
    assert (later.result["stdout"], later.result["stop_verified"]) == ("begun\n", True)
    assert "timed out at its deadline" in later.result["error"]


@pytest.mark.resident
def test_whoever_follows_a_command_may_stop_watching(user: Dispatcher, vm: Vm) -> None:
    with begin(user, vm, UNTIL_TOLD) as client:
        with user.start("--logs", session_on(vm)) as follower:
            assert follower.stdout
            assert follower.stdout.readline() == b"begun\n"
            at_the_terminal(follower)
            _, err = follower.communicate(timeout=60)
            assert (follower.returncode, left_on(vm) != []) == (130, True)
            assert b"the command continues" in err
        (vm.home / "finish").touch()
        out, _ = client.communicate(timeout=60)
    assert (client.returncode, out) == (0, b"begun\nended\n")


@pytest.mark.resident
def test_anybody_with_the_inventory_can_abort_and_do_so_again(
    user: Dispatcher, other: Dispatcher, vm: Vm
) -> None:
    with begin(user, vm, FOR_EVER, "--json") as client, bystander(vm) as decoy:
        first = other.run("--abort", session_on(vm), "--json")
        assert not left_on(vm)
        assert lives(decoy)
        out, _ = client.communicate(timeout=60)
    again = other.run("--abort", session_on(vm), "--json")
    (result,) = json.loads(out)["results"]
    assert (client.returncode, result["outcome"], result["stop_verified"]) == (130, "ABORTED", True)
    for answer in (first, again):
        assert answer.code == 0
        assert (answer.result["outcome"], answer.result["stop_verified"]) == ("ABORTED", True)


@pytest.mark.resident
@pytest.mark.parametrize(
    ("command", "outcome"),
    [("true", "SUCCESS"), ("exit 3", "FAILURE"), ("sleep 86400", "TIMEOUT")],
)
def test_what_has_ended_keeps_its_outcome_whoever_aborts_it(
    user: Dispatcher, vm: Vm, command: str, outcome: str
) -> None:
    ended = user.run("macmini", "--exec", command, "--timeout", "2", "--json").result
    assert ended["outcome"] == outcome
    told = user.run("--abort", session_on(vm))
    assert (told.code, told.out) == (0, b"")
    assert f"had already ended: {outcome}".encode() in told.err
    answer = user.run("--abort", session_on(vm), "--json")
    assert (answer.code, answer.document["exit_code"]) == (0, 0)
    assert (answer.result["outcome"], answer.result["reason"]) == (outcome, ended["reason"])
    assert answer.result["exit_code"] == ended["exit_code"]


@pytest.mark.newcomer
@pytest.mark.sampled("user")
def test_a_command_that_ended_before_the_interrupt_arrived_says_how(
    user: Dispatcher, vm: Vm
) -> None:
    command = "echo >ready; while [ ! -e finish ]; do sleep 0.1; done"
    with begin(user, vm, command, "--json") as client:
        for pid in marked_processes(f"HOME={user.home}"):  # an engine's forks have that alone
            line = process_line(pid)
            if "ansible-playbook" in line and not line.startswith("dx-engine"):
                os.kill(pid, signal.SIGSTOP)
        (vm.home / "finish").touch()
        end = vm.home / ".local/state/dxansible/sessions" / session_on(vm) / "end"
        wait_until(end.exists, 60, "the command has ended")
        at_the_terminal(client)
        out, _ = client.communicate(timeout=60)
    (result,) = json.loads(out)["results"]
    assert (client.returncode, result["outcome"], result["exit_code"]) == (0, "SUCCESS", 0)
    assert "had already ended: SUCCESS" in result["error"]


@pytest.mark.resident
def test_a_command_that_was_aborted_before_it_arrived_never_runs(user: Dispatcher, vm: Vm) -> None:
    run = f"cmd_{secrets.token_hex(8)}"
    session = user.run("macmini", "--exec", "true", "--run-id", f"{run}_a", "--json").result
    early = session["session_id"].replace(f"{run}_a", run)
    aborted = user.run("--abort", early, "--json")
    assert (aborted.code, aborted.result["reason"]) == (1, "unknown_session")
    assert aborted.result["stop_verified"] is None
    answer = user.run("macmini", "--exec", "echo >ready", "--run-id", run, "--json")
    assert (answer.code, answer.result["outcome"]) == (130, "ABORTED")
    assert not (vm.home / "ready").exists()


@pytest.mark.sampled("user")
def test_a_reader_that_goes_away_stops_the_command(user: Dispatcher, vm: Vm) -> None:
    ticking = "echo >ready; while :; do echo tick; sleep 0.1; done"
    with begin(user, vm, ticking) as client:
        assert client.stdout
        assert client.stdout.readline() == b"tick\n"
        client.stdout.close()
        assert client.wait(60) == 130
        assert not left_on(vm)
        assert client.stderr
        err = client.stderr.read()
    assert b"aborted host=macmini" in err
    assert b"Traceback" not in err


@pytest.mark.resident
@pytest.mark.parametrize("form", [(), ("--json",), ("--jsonl",)])
def test_a_full_disk_under_the_output_is_an_error_that_names_it(
    user: Dispatcher, form: tuple[str, ...]
) -> None:
    with Path("/dev/full").open("wb") as full:
        answer = user.run("macmini", "--exec", "echo hi", *form, stdout=full)
    assert answer.code == 1
    assert b"No space left on device: 'standard output'; see docs/trouble" in answer.err
    assert b"Traceback" not in answer.err


@pytest.mark.resident
@pytest.mark.parametrize("form", [(), ("--json",), ("--jsonl",)])
def test_output_that_is_closed_is_an_error_only_if_something_was_to_be_written(
    user: Dispatcher, form: tuple[str, ...]
) -> None:
    closed = ("sh", "-c", 'exec "$@" >&-', "sh")
    lost = user.run("macmini", "--exec", "echo hi", *form, through=closed)
    assert lost.code == 1
    assert b"Bad file descriptor: 'standard output'; see docs/trouble" in lost.err
    assert b"Traceback" not in lost.err
    assert user.run("macmini", "--exec", "true", through=closed).code == 0


@pytest.mark.resident
def test_a_full_disk_under_our_own_words_changes_no_exit_code(user: Dispatcher) -> None:
    with Path("/dev/full").open("wb") as full:
        answer = user.run("macmini", "--exec", "echo hi", stderr=full)
        lost = user.run("macmini", "--exec", "echo hi >&2", stderr=full)
    assert (answer.code, answer.out, lost.code) == (0, b"hi\n", 1)
