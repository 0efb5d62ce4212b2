"""An abort ends what an ended session has left; the session's outcome stays."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.keeper.machine import wait_until
from tests.integration.keeper.trees import STRAY, Tree
from tests.lab import processes

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.keeper.machine import Machine

LEFT = {
    "tagged": "SLEEP",
    "own-session": "setsid SLEEP",
    "no-environment": "env -i sh -c 'SLEEP; :'",
    "ignores-term": "setsid sh -c 'trap \"\" TERM; while :; do SLEEP; done'",
}


def _run(machine: Machine, text: str) -> Tree:
    tree = Tree(f"{text} </dev/null >/dev/null 2>&1 &\n")
    command = tree.command.partition("\necho up")[0]
    assert machine.run("s", f"{command}\nexit 6").code == 6
    wait_until(tree.alive)
    return tree


@pytest.mark.directed
@pytest.mark.sampled("machine", "any_machine")
@pytest.mark.parametrize("kind", LEFT)
def test_what_is_left_is_ended_and_the_outcome_stays(any_machine: Machine, kind: str) -> None:
    tree = _run(any_machine, LEFT[kind])
    before = any_machine.poll("s")
    assert before.left >= 1
    for stopped in (before.left, 0):
        reply = any_machine.abort("s", remnants="yes")
        assert not tree.alive()
        assert (reply.state, reply.code, reply.verified) == ("exited", 6, True)
        assert (reply.left, reply.stopped) == (0, stopped)
    after = any_machine.poll("s")
    assert (after.state, after.code, after.left, after.out) == ("exited", 6, 0, before.out)


def test_an_abort_that_does_not_ask_for_it_leaves_them(machine: Machine) -> None:
    tree = _run(machine, "SLEEP")
    reply = machine.abort("s")
    assert (reply.state, reply.left, reply.stopped) == ("exited", 1, 0)
    assert tree.alive()


@pytest.mark.directed
def test_what_slipped_away_before_the_end_is_named(any_machine: Machine) -> None:
    tree = Tree(STRAY)
    any_machine.run("s", tree.command.partition("\necho up")[0])
    wait_until(tree.alive)
    reply = any_machine.abort("s", remnants="yes")
    (pid,) = tree.alive()
    assert (reply.state, reply.verified) == ("exited", False)
    assert f"{pid}:" in str(reply.remains)
    assert any_machine.poll("s").remains == reply.remains


def test_nor_is_it_missed_if_the_command_has_ended_before_its_launcher(
    any_machine: Machine, tmp_path: Path
) -> None:
    slow = tmp_path / "slow"
    slow.mkdir()
    (slow / "date").write_text('#!/bin/sh\nsleep 0.5\nPATH=${PATH#*:}\nexec date "$@"\n')
    (slow / "date").chmod(0o755)
    any_machine.path = f"{slow}:{any_machine.path}"
    tree = Tree(STRAY)
    any_machine.run("s", tree.command.partition("\necho up")[0])
    wait_until(tree.alive)
    assert any_machine.abort("s", remnants="yes").verified is False


@pytest.mark.directed
def test_a_stop_is_verified_once_what_it_could_not_end_is_gone(machine: Machine) -> None:
    tree = Tree(STRAY)
    tree.start(machine, "s")
    assert machine.abort("s").verified is False
    processes.kill(tree.alive())
    reply = machine.abort("s", remnants="yes")
    assert (reply.state, reply.verified) == ("aborted", True)
    assert machine.poll("s").verified is True


def _age(session: Path, seconds: int) -> None:
    record = (session / "end").read_text()
    head, _, at = record.rpartition(" at=")
    (session / "end").write_text(f"{head} at={int(at) - seconds}\n")


def test_a_stranger_with_the_leaders_number_is_left_alone(any_machine: Machine) -> None:
    any_machine.run("s", "exit 6")
    tree = Tree("")
    sleep = tree.command.split("; ")[1]
    shell = subprocess.Popen(["sh", "-c", f"{sleep} & exec sleep 60"], start_new_session=True)
    try:
        wait_until(tree.alive)
        shell.kill()
        shell.wait()
        session = any_machine.session("s")
        (session / "leader").write_text(f"{shell.pid} 1 1\n")
        _age(session, 3600)
        reply = any_machine.abort("s", remnants="yes")
        assert (reply.state, reply.stopped) == ("exited", 0)
        assert tree.alive()
    finally:
        processes.kill(tree.alive())
