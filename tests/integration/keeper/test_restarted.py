"""A start that is sent again to a machine that has lost the first one with its power."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.integration.keeper.machine import wait_until
from tests.lab import uptime

if TYPE_CHECKING:
    from tests.integration.keeper.machine import Machine

pytestmark = [
    pytest.mark.directed,
    pytest.mark.skipif(not uptime.can_choose(), reason="no time namespace for this user"),
]
RUN = "echo ran >>runs"


def runs(machine: Machine) -> int:
    path = machine.home / "runs"
    return path.read_text().count("ran") if path.exists() else 0


def lose_power(machine: Machine) -> None:
    """Restart the machine a few seconds ago, without what was not written to its disk."""
    shutil.rmtree(machine.state / "sessions")
    machine.inside = uptime.up_for(5)


def test_after_a_power_loss_a_start_that_is_sent_again_starts_nothing(machine: Machine) -> None:
    machine.inside = uptime.up_for(100_000)
    assert machine.run("s", RUN).state == "exited"
    lose_power(machine)

    again = machine.start("s", RUN, since=60, wait=3)

    assert (again.state, again.restarted, again.complete) == ("lost", True, True)
    assert not machine.session("s").exists()
    assert runs(machine) == 1


def test_it_is_told_before_the_input_has_been_read_and_reads_it_nevertheless(
    machine: Machine,
) -> None:
    machine.inside = uptime.up_for(5)
    stdin = "0" * 300_000
    sizes = {"input": len(stdin), "length": len(RUN)}
    call = machine.call("start", stdin + RUN, id="s", since=60, **sizes)
    assert call.reply().restarted
    assert list((machine.state / "incoming").glob("*")) == []


def test_a_machine_that_has_been_up_since_then_starts_it(machine: Machine) -> None:
    machine.inside = uptime.up_for(100_000)
    reply = machine.run("s", RUN, since=60)
    assert (reply.state, reply.restarted, reply.code) == ("exited", False, 0)
    assert runs(machine) == 1


def test_a_first_start_asks_for_no_uptime(machine: Machine) -> None:
    machine.inside = uptime.up_for(1)
    assert machine.run("s", RUN).state == "exited"
    assert runs(machine) == 1


def test_a_session_that_the_disk_has_kept_is_attached_to(machine: Machine) -> None:
    assert machine.run("s", RUN).state == "exited"
    machine.inside = uptime.up_for(5)
    again = machine.start("s", RUN, since=60)
    assert (again.state, again.attached, again.restarted) == ("exited", True, False)
    assert runs(machine) == 1


def test_a_start_for_later_is_not_repeated_either(machine: Machine) -> None:
    machine.inside = uptime.up_for(5)
    assert machine.start("s", RUN, since=60, delay=1).restarted
    assert not machine.session("s").exists()


def test_where_nobody_knows_the_uptime_nothing_is_started(dash: Machine) -> None:
    unknown = replace(dash, procfs=False)
    assert unknown.start("s", RUN, since=60).restarted
    assert not dash.session("s").exists()


def test_an_id_that_another_client_took_meanwhile_may_have_been_ours(machine: Machine) -> None:
    machine.inside = uptime.up_for(100_000)
    ours, others = f"0a {{}}\n{RUN}", "0b {}\ntrue"
    assert machine.call("start", ours, id="s", about="yes", length=len(RUN)).reply().state
    lose_power(machine)
    taken = machine.call("start", others, id="s", about="yes", length=4, wait=3).reply()
    assert not taken.attached

    again = machine.call("start", ours, id="s", about="yes", length=len(RUN), since=60).reply()
    assert (again.state, again.restarted) == ("lost", True)
    for options in ({"wait": 1}, {"settle": "yes"}):
        stop = machine.call("abort", "0a {}\n", id="s", about="yes", since=60, **options).reply()
        assert (stop.state, stop.restarted, stop.verified) == ("lost", True, True)
    machine.inside = uptime.up_for(100_000)
    again = machine.call("start", ours, id="s", about="yes", length=len(RUN), since=60).reply()
    assert again.state == "conflict"


@pytest.mark.parametrize("options", [{"wait": 1}, {"settle": "yes"}])
def test_a_stop_of_what_the_machine_may_have_lost_says_so_each_time(
    machine: Machine, options: dict[str, object]
) -> None:
    machine.inside = uptime.up_for(5)
    for _ in range(2):
        stop = machine.call("abort", "", id="s", since=60, **options).reply()
        assert (stop.state, stop.restarted, stop.verified) == ("lost", True, True)
    machine.inside = uptime.up_for(100_000)
    assert machine.call("abort", "", id="s", since=60, **options).reply().tombstone
    assert machine.start("s", RUN, wait=1).tombstone


def test_a_stop_of_a_session_that_the_disk_has_kept_is_answered_as_ever(machine: Machine) -> None:
    assert machine.run("s", RUN).state == "exited"
    machine.inside = uptime.up_for(5)
    stop = machine.call("abort", "", id="s", since=60, wait=1).reply()
    assert (stop.state, stop.restarted) == ("exited", False)


def test_an_abort_settles_what_the_machine_has_lost(machine: Machine) -> None:
    machine.inside = uptime.up_for(5)
    assert machine.start("s", RUN, since=60).restarted
    settled = machine.abort("s")
    assert (settled.state, settled.tombstone) == ("aborted", True)
    machine.inside = ()
    assert machine.start("s", RUN, wait=1).tombstone
    wait_until(lambda: not machine.processes())
    assert runs(machine) == 0
