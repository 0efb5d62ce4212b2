"""A start that was not answered is settled: it never begins, or it is left alone and told."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.evidence import nothing_began
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_reply import (
    NoAnswerError,
    Reply,
    read_answer,
    read_reply,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.keeper.machine import Machine

pytestmark = pytest.mark.directed

COMMAND = "echo ran >>runs; while [ ! -e finish ]; do sleep 0.1; done"


def settle(machine: Machine, name: str) -> Reply:
    return read_reply(machine.answer("abort", id=name, settle="yes", chunk=0))


def runs(machine: Machine) -> int:
    log = machine.home / "runs"
    return len(log.read_text().splitlines()) if log.exists() else 0


def test_a_supervisor_that_comes_after_the_settling_runs_nothing(any_machine: Machine) -> None:
    any_machine.abort("s")
    place = any_machine.session("s")
    settled = (place / "supervisor").read_text()
    (place / "command").write_text("echo ran >>runs\n")
    for pipe in ("out", "err", "wake"):
        if not (place / pipe).exists():
            os.mkfifo(place / pipe)

    any_machine.call("supervise", "", id="s").finish()

    assert (place / "supervisor").read_text() == settled
    assert (any_machine.poll("s").state, runs(any_machine)) == ("aborted", 0)


def killing(machine: Machine, name: str) -> Path:
    """Have a program kill the shell that calls it, the first time.

    Returns the path of a file that is there once it has.
    """
    tools, once = machine.home / "tools", machine.home / "once"
    tools.mkdir()
    kill = f'[ -e {once} ] || {{ true >{once}; kill -KILL "$PPID"; }}'
    (tools / name).write_text(f'#!/bin/sh\n{kill}\nPATH={machine.path} exec {name} "$@"\n')
    (tools / name).chmod(0o755)
    machine.path = f"{tools}:{machine.path}"
    return once


@pytest.mark.parametrize(("program", "begun"), [("mkfifo", False), ("date", True)])
def test_a_start_announces_itself_before_it_can_begin(
    machine: Machine, program: str, *, begun: bool
) -> None:
    """`mkfifo` comes before the place from which a start can begin, and `date` after it."""
    (machine.home / "finish").touch()
    killed = killing(machine, program)
    code, out, err = machine.begin("s", COMMAND).finish()
    if machine.shell.resolve().name == "busybox" and not killed.exists():
        pytest.skip("this busybox looks for no program that is an applet of it")

    assert (b"\ndx-mark\n" in out) is begun, (code, out, err)
    with pytest.raises(NoAnswerError) as error:
        read_answer("dx-mark", 1, out, err)
    assert error.value.refused is not begun
    settled = nothing_began(settle(machine, "s"), first_sent_here=True)
    assert (settled is None) is begun
    if begun:
        assert machine.follow("s").state == "exited"
    assert runs(machine) == int(begun)
