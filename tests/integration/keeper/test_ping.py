"""A ping tells how the machine is, and what a program there says of its version."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_listing import Ping, read_ping

from tests.integration.keeper.trees import Tree

if TYPE_CHECKING:
    from tests.integration.keeper.machine import Machine


def _ping(machine: Machine, **options: object) -> Ping:
    return read_ping(machine.answer("ping", path="~/bin", **options))


def _install(machine: Machine, name: str, text: str) -> None:
    program = machine.home / "bin" / name
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)


def test_it_counts_what_runs_and_tells_the_load(machine: Machine) -> None:
    ping = _ping(machine)
    assert ping.load is not None
    assert (ping.running, ping.found, ping.version, ping.spent_ms) == (0, None, None, 0)
    machine.run("ended", "echo hi")
    Tree("").start(machine, "a")
    Tree("").start(machine, "b.1")
    assert _ping(machine).running == 2


def test_it_waits_for_another_number_of_commands(any_machine: Machine) -> None:
    first = _ping(any_machine, wait=60, stamp="")
    assert first.stamp is not None
    assert first.stamp == _ping(any_machine, wait=1, stamp=first.stamp).stamp

    call = any_machine.call("ping", "", wait=600, stamp=first.stamp)
    any_machine.start("s", "exec sleep 1000")
    assert read_ping(call.answer()).running == 1


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("echo Tool 1.2 '(x)'; echo more", "Tool 1.2 (x)"),
        ("echo on stderr >&2; exit 3", "on stderr"),
        ("cat; echo '' \"$1\"", "-V"),
        (":", None),
        ("exec yes", "y"),
    ],
)
def test_the_version_is_the_first_line(dash: Machine, text: str, version: str | None) -> None:
    _install(dash, "tool", text)
    ping = _ping(dash, program="tool", version="-V")
    assert (ping.found, ping.version) == (True, version)


def test_what_the_program_takes_is_told_apart_or_as_unknown(any_machine: Machine) -> None:
    _install(any_machine, "tool", "sleep 0.5; echo 1.2")
    ping = _ping(any_machine, program="tool", version="-V")
    assert ping.version == "1.2"
    assert (ping.spent_ms is not None and ping.spent_ms >= 480) is any_machine.procfs
    assert (ping.spent_ms is None) is not any_machine.procfs


def test_a_program_that_is_nowhere_is_not_found(machine: Machine) -> None:
    assert _ping(machine, program="tool", version="-V").found is False
    assert _ping(machine, program="list").found is False


def test_what_the_program_leaves_is_ended(any_machine: Machine) -> None:
    tree = Tree("SLEEP & setsid SLEEP &")
    _install(any_machine, "tool", tree.command.replace("; wait", " & exit"))
    assert _ping(any_machine, program="~/bin/tool", version="-V").version == "up"
    assert not tree.alive()
    assert not list((any_machine.state / "incoming").iterdir())


def test_a_program_that_goes_on_is_ended_after_five_seconds(dash: Machine) -> None:
    tree = Tree("trap '' TERM; SLEEP & setsid SLEEP &")
    _install(dash, "tool", tree.command)
    began = time.monotonic()
    assert _ping(dash, program="tool", version="-V").version == "up"
    assert time.monotonic() - began < 30
    assert not tree.alive()


def test_without_a_version_nothing_is_run(dash: Machine) -> None:
    _install(dash, "tool", "touch ~/ran")
    assert _ping(dash, program="tool").found is True
    assert not (dash.home / "ran").exists()
