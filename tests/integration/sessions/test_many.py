"""Sessions on several VMs: one on each host of a group, or on the one that is free."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.sessions.work import Work, begin, forget_sessions
from tests.integration.vm_processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Lab, Vm

pytestmark = pytest.mark.resident


@pytest.fixture
def vms(lab: Lab) -> list[Vm]:
    """Three machines on which nothing runs."""
    for vm in lab.vms.values():
        forget_sessions(vm)
    return list(lab.vms.values())


@pytest.fixture
def everywhere(vms: list[Vm]) -> Iterator[Work]:
    """A task that goes on until it is told to end, on whichever machine."""
    task = Work(*vms)
    yield task
    task.end()


def test_a_group_gets_a_session_on_each_host(
    user: Dispatcher, vms: list[Vm], everywhere: Work
) -> None:
    answer = user.run("all", everywhere.task, "--beads", "bd-5")
    assert answer.code == 0, answer.err
    lines = [line.split() for line in answer.out.decode().splitlines()]
    started = {host: session for session, host in lines}
    assert set(started) == {vm.name for vm in vms}
    everywhere.runs(3)
    assert sorted(everywhere.turns) == sorted(f"{session}.1" for session in started.values())
    listed = user.run("--sessions", "--json").document["sessions"]
    assert {each["host"]: each["session_id"] for each in listed} == started
    assert {each["state"] for each in listed} == {"running"}
    everywhere.end()


def test_the_output_of_a_group_has_the_hosts_names(user: Dispatcher, vms: list[Vm]) -> None:
    task = 'case $HOME in */macmini) exit 3 ;; esac; printf "here\nand there"'
    answer = user.run("all", task, "--wait")
    assert answer.code == 1
    lines = sorted(answer.out.decode().splitlines())
    assert lines == sorted(
        f"{vm.name:15} | {text}"
        for vm in vms
        if vm.name != "macmini"
        for text in ("here", "and there")
    )
    summary = answer.err.decode().splitlines()[-3:]
    outcomes = {line.split()[0]: line.split()[1] for line in summary}
    assert outcomes == {"homedesktop-wsl": "SUCCESS", "macmini": "FAILURE", "epyc6": "SUCCESS"}


def test_a_whole_line_is_shown_while_the_turn_goes_on(user: Dispatcher, everywhere: Work) -> None:
    seen = user.home / "seen"
    with (
        seen.open("wb") as stream,
        user.start("all", everywhere.task, "--wait", stdout=stream) as c,
    ):
        try:
            everywhere.runs(3)
            wait_until(lambda: seen.read_bytes().count(b"| begun\n") == 3, 3, "all lines are shown")
        finally:
            everywhere.end()
            c.communicate(timeout=60)


def test_any_host_of_a_group_is_one_that_runs_nothing(
    user: Dispatcher, vms: list[Vm], everywhere: Work
) -> None:
    assert user.run("epyc6,macmini", everywhere.task).code == 0
    everywhere.runs(2)
    answer = user.run("any:all", everywhere.task)
    (session,) = answer.out.decode().split()
    assert answer.code == 0, answer.err
    words = answer.err.decode()
    assert "homedesktop-wsl chosen: load " in words
    assert "the only free host of 3" in words
    everywhere.runs(3)
    assert f"{session}.1" in everywhere.turns
    none = user.run("any:all", everywhere.task)
    assert (none.code, none.out) == (3, b"")
    for vm in vms:
        assert f"{vm.name}: 1 session(s) running" in none.err.decode()
    document = user.run("any:gpu", everywhere.task, "--json").document
    assert (document["exit_code"], document["outcome"]) == (3, "PREFLIGHT_FAILED")
    assert document["results"] == []
    assert "no host of gpu is free: epyc6: 1 session(s)" in document["error"]["message"]
    assert len(everywhere.turns) == 3


def test_any_host_is_one_that_has_the_agent_asked_for(user: Dispatcher, vms: list[Vm]) -> None:
    answer = user.run("any:all", "true", "--agent", "absent")
    assert vms
    assert answer.code == 3
    assert b"its agent absent is not installed" in answer.err


@pytest.mark.usefixtures("vms")
def test_the_table_and_the_status_have_what_is_promised(user: Dispatcher, everywhere: Work) -> None:
    failed = user.run("macmini", "exit 4", "--wait", "--json").result["session_id"]
    running = begin(user, everywhere.task, "--beads", "bd-9")
    everywhere.runs()
    head, *rows = user.run("--sessions").out.decode().splitlines()
    assert head.split() == ["SESSION", "VM", "AGENT", "STATE", "AGE", "IDLE", "BEADS", "TASK"]
    assert [row.split()[:4] for row in rows] == [
        [running, "epyc6", "shell", "running"],
        [failed, "macmini", "shell", "failed"],
    ]
    assert rows[0].split()[6] == "bd-9"
    assert user.run("--sessions", "homedesktop-wsl").out == b"no sessions\n"
    text = user.run("--status", failed).out.decode()
    fields = dict(line.split(maxsplit=1) for line in text.splitlines())
    assert (fields["session"], fields["vm"], fields["state"]) == (failed, "macmini", "failed")
    assert (fields["reason"], fields["task"]) == ("exit_nonzero", "exit 4")
