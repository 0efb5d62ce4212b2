"""What is on the machine, and what is not kept for ever."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_listing import (
    Entry,
    read_listing,
)

from tests.integration.keeper.machine import wait_until
from tests.integration.keeper.trees import Tree

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.keeper.machine import Machine

DAY = 86_400


def _age(path: Path, days: float) -> None:
    """As ``touch -d`` does, with all that is in it."""
    then = time.time() - days * DAY
    for file in [*path.rglob("*"), path]:
        os.utime(file, (then, then), follow_symlinks=False)


def _listed(machine: Machine) -> dict[str, Entry]:
    sessions = read_listing(machine.answer("list")).sessions
    return {entry.name.removeprefix(machine.prefix): entry for entry in sessions}


def test_nothing_is_listed_where_nothing_was(machine: Machine) -> None:
    assert _listed(machine) == {}


def test_clean_removes_what_ended_long_ago_and_nothing_else(any_machine: Machine) -> None:
    for name in ("old", "end", "new"):
        any_machine.run(name, "echo hi")
    any_machine.abort("never")
    tree = Tree("")
    tree.start(any_machine, "runs")
    for name in ("old", "end", "never", "runs"):
        _age(any_machine.session(name), 3.5)
    assert any_machine.ask("clean", age=3) == b"\ndx-mark state=ok\ndx-mark end\n"
    assert set(_listed(any_machine)) == {"new", "runs"}
    assert any_machine.poll("runs").state == "running"
    assert any_machine.abort("runs").verified


def test_a_session_named_as_a_file_of_ours_is_a_session(machine: Machine) -> None:
    machine.prefix = ""
    for name in ("end", "other", "supervisor"):
        machine.run(name, "echo hi")
    _age(machine.session("end"), 3)
    machine.ask("clean", age=2)
    assert set(_listed(machine)) == {"other", "supervisor"}


def test_what_is_younger_than_the_age_stays(machine: Machine) -> None:
    machine.run("s", "echo hi", age=9)  # else its own end, which cleans too, may take it
    _age(machine.session("s"), 1.5)
    machine.ask("clean", age=2)
    assert set(_listed(machine)) == {"s"}
    _age(machine.session("s"), 1.5)
    machine.ask("clean", age=1)
    assert set(_listed(machine)) == set()


def test_clean_removes_a_lost_session_that_was_aborted(machine: Machine) -> None:
    Tree("").start(machine, "s")
    record = machine.session("s") / "supervisor"
    pid, _, boot = record.read_text().split()
    record.write_text(f"{pid} 1 {boot}\n")
    assert machine.abort("s").state == _listed(machine)["s"].state == "lost"
    _age(machine.session("s"), 9)
    machine.ask("clean")
    assert _listed(machine) == {}


def test_clean_keeps_a_lost_session_whose_processes_may_be_there(machine: Machine) -> None:
    tree = Tree("")
    tree.start(machine, "s")
    record = machine.session("s") / "supervisor"
    pid, birth, boot = record.read_text().split()
    record.write_text(f"{pid} 1 {boot}\n")
    _age(machine.session("s"), 9)
    machine.ask("clean")
    assert _listed(machine)["s"].state == "lost"
    record.write_text(f"{pid} {birth} another-boot\n")
    _age(machine.session("s"), 9)
    machine.ask("clean")
    assert _listed(machine) == {}


def test_clean_removes_what_never_arrived_whole(machine: Machine) -> None:
    machine.run("s", "echo hi")
    ours, gone = os.getpid(), 2**22 + 1  # more than there can be
    for name, days in ((f"young.{ours}", 0.5), (f"old.{ours}", 2.0), (f"gone.{gone}", 0.0)):
        staged = machine.state / "incoming" / name
        staged.mkdir()
        (staged / "command").write_text("half a comm")
        _age(staged, days)
    machine.ask("clean")
    assert [path.name for path in (machine.state / "incoming").iterdir()] == [f"young.{ours}"]


def test_a_turn_that_never_began_goes_as_other_sessions_do(machine: Machine) -> None:
    machine.run("ses.1", "echo hi")
    for name in ("ses.2", "ses.3"):
        machine.session(name).mkdir()
        (machine.session(name) / "claim").write_text("1 1 1\n")
        assert machine.poll(name).state == "unstarted"
    for name in ("ses.1", "ses.2"):
        _age(machine.session(name), 8)
    machine.ask("clean")
    assert set(_listed(machine)) == {"ses.1", "ses.3"}


def test_ends_of_sessions_clean_up_after_the_others_once_an_hour(machine: Machine) -> None:
    marker = machine.state / "cleaned"
    machine.run("old", "echo hi")
    wait_until(lambda: not machine.processes())
    hour = marker.read_text()
    _age(machine.session("old"), 8)
    machine.run("young", "echo hi")
    wait_until(lambda: not machine.processes())
    assert ("old" in _listed(machine)) == (marker.read_text() == hour)
    marker.write_text(f"{int(hour) - 1}\n")
    machine.run("new", "echo hi")
    wait_until(lambda: "old" not in _listed(machine))


def test_an_end_is_remembered_for_a_week_and_its_output_for_a_day(any_machine: Machine) -> None:
    any_machine.run("s", "echo one; echo two >&2; exit 4")
    any_machine.run("turn.1", "echo words")
    for name in ("s", "turn.1"):
        _age(any_machine.session(name), 6.9)
    any_machine.ask("clean")
    reply = any_machine.start("s", "touch again")
    assert (reply.state, reply.code, reply.attached) == ("exited", 4, True)
    assert (reply.out, reply.err, reply.out_total, reply.err_total) == (b"", b"", 4, 4)
    assert (reply.expired, reply.complete, reply.out_from) == (True, True, 4)
    assert not (any_machine.home / "again").exists()
    words = any_machine.poll("turn.1")
    assert (words.out, words.expired) == (b"words\n", False)
    assert _listed(any_machine)["s"].out_total == 4
    _age(any_machine.session("s"), 7.1)
    any_machine.ask("clean")
    assert set(_listed(any_machine)) == {"turn.1"}


def test_a_listing_can_be_of_turns_or_of_names_that_begin_alike(machine: Machine) -> None:
    for name in ("one", "other", "one.1"):
        machine.run(name, "echo hi")

    def names(**options: str) -> set[str]:
        found = read_listing(machine.answer("list", **options)).sessions
        return {entry.name.removeprefix(machine.prefix) for entry in found}

    assert names(turns="yes") == {"one.1"}
    assert names(prefix=f"{machine.prefix}on") == {"one", "one.1"}
    assert names(prefix=f"{machine.prefix}ot", turns="yes") == set()
    assert names(prefix=f"{machine.prefix}") == {"one", "other", "one.1"}
