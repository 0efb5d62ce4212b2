"""A VM that restarts, or has no room left, in the middle of the work."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests.integration.sessions.work import (
    begin,
    on_vm,
    processes_of,
    state_of,
    turn_directory,
)
from tests.integration.small_disk import state_on_small_disk
from tests.integration.vm_processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.dispatcher import Dispatcher
    from tests.integration.sessions.work import Work
    from tests.lab import Vm

pytestmark = pytest.mark.resident

_OTHER_BOOT = "00000000-0000-0000-0000-000000000000"


def _kill_supervisor(vm: Vm, session: str) -> None:
    record = turn_directory(vm, session) / "supervisor"
    os.kill(int(record.read_text().split()[0]), signal.SIGKILL)


def _restart(vm: Vm, session: str) -> None:
    """End all processes of a session, and make its records those of another boot."""
    _kill_supervisor(vm, session)
    for pid in processes_of(session):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not processes_of(session), 15, "nothing is left of the session")
    for name in ("supervisor", "claim"):
        record = turn_directory(vm, session) / name
        lines = [line.split() for line in record.read_text().splitlines()]
        record.write_text("".join(f"{pid} {birth} {_OTHER_BOOT}\n" for pid, birth, _ in lines))


def test_a_restart_of_the_vm_loses_the_turn_but_not_the_session(
    user: Dispatcher, epyc6: Vm, work: Work
) -> None:
    session = begin(user, work.task)
    work.runs()
    _restart(epyc6, session)
    assert state_of(user, session) == "lost"
    told = user.run("--logs", session, "--raw", "--follow")
    assert (told.code, told.out) == (1, b"begun\n")
    assert "the outcome of the command is unknown" in told.err.decode()
    assert "(the VM restarted, or its keeper was killed)" in told.err.decode()
    further = user.run("--session", session, "echo on", "--wait", "--json").result
    assert (further["outcome"], further["turn"], further["message"]) == ("SUCCESS", 2, "on\n")
    assert work.turns == [f"{session}.1"]


def test_an_abort_ends_what_a_killed_supervisor_has_left(
    user: Dispatcher, epyc6: Vm, work: Work
) -> None:
    session = begin(user, work.task)
    work.runs()
    _kill_supervisor(epyc6, session)
    wait_until(lambda: state_of(user, session) == "lost", 30, "the turn is lost")
    for _ in range(2):
        answer = user.run("--abort", session, "--json")
        assert (answer.code, answer.result["stop_verified"]) == (0, True)
        assert (answer.result["outcome"], answer.result["reason"]) == ("FAILURE", "lost")
        assert processes_of(session) == []
        assert state_of(user, session) == "lost"


def test_a_refused_call_leaves_a_lost_session_lost(user: Dispatcher, epyc6: Vm, work: Work) -> None:
    session = begin(user, work.task)
    work.runs()
    _kill_supervisor(epyc6, session)
    wait_until(lambda: state_of(user, session) == "lost", 30, "the turn is lost")
    refused = user.run("--finalize-pr", session, "--json")  # it has no --repo
    assert (refused.code, refused.result["reason"]) == (1, "repo_unusable")
    assert not processes_of(session)
    assert state_of(user, session) == "lost"


def test_a_further_turn_does_not_run_beside_one_whose_supervisor_was_killed(
    user: Dispatcher, epyc6: Vm, work: Work
) -> None:
    session = begin(user, work.task)
    work.runs()
    _kill_supervisor(epyc6, session)
    assert processes_of(session)
    user.run("--session", session, f'touch "$HOME/{work.name}.second"; sleep 1', "--wait")
    assert not processes_of(session) or not (epyc6.home / f"{work.name}.second").exists()


@pytest.fixture
def small_disk(epyc6: Vm, user: Dispatcher) -> Iterator[Path]:
    """The directory of the VM's state on a disk of its own that is full; it has our script."""
    with state_on_small_disk(epyc6, "size=1m") as state:
        user.run("epyc6", "exit 0", "--wait")
        yield state


def _fill(vm: Vm, disk: Path) -> None:
    on_vm(vm, f"cat /dev/zero >{disk}/filler 2>/dev/null || true")


def test_a_disk_that_fills_up_costs_output_and_that_is_told(
    user: Dispatcher, small_disk: Path
) -> None:
    assert small_disk.is_mount()
    command = "seq 1000000; echo end >&2; exit 3"
    result = user.run("epyc6", "--exec", command, "--json").result
    assert (result["outcome"], result["exit_code"]) == ("FAILURE", 3)
    assert result["stdout"].startswith("1\n2\n3\n")
    assert result["truncation"]["disk_full"] is True


@pytest.mark.long
def test_a_full_disk_starts_nothing_and_is_told_and_can_be_mended(
    user: Dispatcher, epyc6: Vm, small_disk: Path
) -> None:
    session = user.run("epyc6", "echo one", "--wait", "--json").result["session_id"]
    _fill(epyc6, small_disk)
    for arguments in (("epyc6",), ("--session", session)):
        answer = user.run(*arguments, 'touch "$HOME/full"', "--wait", "--json")
        result = answer.result
        assert (answer.code, result["outcome"], result["reason"]) == (1, "FAILURE", "vm_error")
        assert "is the disk full?" in result["error"]
    assert not (epyc6.home / "full").exists()
    assert state_of(user, session) == "succeeded"
    (small_disk / "filler").unlink()
    further = user.run("--session", session, "echo two", "--wait", "--json").result
    assert (further["outcome"], further["turn"]) == ("SUCCESS", 2)


def test_a_turn_that_fills_the_disk_is_not_told_as_a_success_that_it_was_not(
    user: Dispatcher, epyc6: Vm, small_disk: Path, work: Work
) -> None:
    session = begin(user, f"{work.task}; echo more; exit 3")
    work.runs()
    _fill(epyc6, small_disk)
    work.end()
    wait_until(lambda: not processes_of(session), 30, "the turn has ended")
    (small_disk / "filler").unlink()
    assert state_of(user, session) in {"failed", "lost"}
