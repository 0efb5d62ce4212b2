"""A poll waits for news, and not for longer than it was asked to."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.integration.keeper.trees import Tree

if TYPE_CHECKING:
    from tests.integration.keeper.crowd import Crowd
    from tests.integration.keeper.machine import Machine

COMMAND = "while [ ! -e go ]; do sleep 0.05; done; echo news; sleep 60"


def test_without_news_it_says_running_when_its_time_is_over(
    any_machine: Machine, crowd: Crowd
) -> None:
    Tree("").start(any_machine, "s")
    began = time.monotonic()
    reply = any_machine.poll("s", wait=2, out=len("up\n"))
    took = time.monotonic() - began
    assert (reply.state, reply.out) == ("running", b"")
    assert 0.9 < took < 2 + crowd.stretched(5)


def test_news_ends_the_wait(machine: Machine) -> None:
    machine.start("s", COMMAND)
    (machine.home / "go").touch()
    began = time.monotonic()
    reply = machine.poll("s", wait=25)
    assert (reply.state, reply.out) == ("running", b"news\n")
    assert time.monotonic() - began < 20


def test_the_end_ends_the_wait(machine: Machine) -> None:
    machine.start("s", "sleep 1; exit 3", wait=0)
    began = time.monotonic()
    reply = machine.poll("s", wait=25)
    assert (reply.state, reply.code) == ("exited", 3)
    assert time.monotonic() - began < 20


def test_a_short_command_takes_one_call(machine: Machine, crowd: Crowd) -> None:
    replies = [machine.start(f"s{number}", "echo hi; exit 3", wait=3) for number in range(5)]
    assert {reply.out for reply in replies} == {b"hi\n"}
    if crowd.stretched(1) < 1.5:
        assert [reply.complete for reply in replies].count(True) >= 4


def test_without_waiting_it_says_at_once_what_there_is(machine: Machine) -> None:
    Tree("").start(machine, "s")
    reply = machine.poll("s")
    assert (reply.state, reply.out) == ("running", b"up\n")
