"""Rules of starts that are sent again: a VM that may have lost the first one starts nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils import (
    elapsed,
    first_sent,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_reply import (
    CutShortError,
    Reply,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.link import CallTimeoutError
from ansible_collections.dxansible.fleet.plugins.plugin_utils.sent_file import SentFile
from ansible_collections.dxansible.fleet.plugins.plugin_utils.ssh_errors import SshFailure

from tests.unit.clock import ClockedMachine
from tests.unit.collection.test_command_run import ENDED, RUNNING, Vm, lost, run

if TYPE_CHECKING:
    from pathlib import Path

RESTARTED = Reply(state="lost", restarted=True)
TOMBSTONE = Reply(state="aborted", verified=True, tombstone=True)
CONNECT_TIMEOUT = 5
SLACK = 2 * CONNECT_TIMEOUT + 30
"""Seconds that a call may take to connect, and to be served."""


def sent(vm: Vm) -> list[int | None]:
    return [options.get("since") for verb, options in vm.calls if verb == "start"]


def test_a_first_start_says_nothing_of_an_earlier_one() -> None:
    vm = Vm(ENDED)
    run(vm)
    assert sent(vm) == [None]


@pytest.mark.parametrize("failure", [lost(), CallTimeoutError(), CutShortError("cut")])
def test_a_start_after_one_that_may_have_arrived_says_how_long_ago_that_was(
    failure: Exception,
) -> None:
    vm = Vm(failure, ENDED)
    run(vm)
    first, second = sent(vm)
    assert first is None
    assert second is not None
    assert SLACK <= second < SLACK + 60


@pytest.mark.parametrize("failure", [SshFailure.UNREACHABLE, SshFailure.CONNECT_TIMEOUT])
def test_a_start_that_can_not_have_arrived_does_not_count(failure: SshFailure) -> None:
    vm = Vm(lost(failure), lost(failure), ENDED)
    run(vm, max_retries=3)
    assert sent(vm) == [None, None, None]


def test_the_first_start_that_may_have_arrived_counts_however_many_follow() -> None:
    moments = iter([0.0, 100.0, 1000.0, 10_000.0])
    machine = ClockedMachine()

    class Later(Vm):
        def _next(self, verb: str, options: dict[str, Any]) -> Reply:
            machine.moment = next(moments, machine.moment)
            return super()._next(verb, options)

    machine.moment = next(moments)
    vm = Later(lost(SshFailure.UNREACHABLE), lost(), lost(SshFailure.UNREACHABLE), ENDED)
    run(vm, machine, max_retries=3, connect_timeout=CONNECT_TIMEOUT)
    slack = SLACK + 8
    assert sent(vm) == [None, None, 900 + slack, 9900 + slack]


def test_a_scheduled_start_says_so_too() -> None:
    vm = Vm(lost(), Reply(state="scheduled", starts=60))
    run(vm, start_at=4e9)
    assert sent(vm)[1]


def test_a_host_that_is_off_and_boots_gets_a_start_like_any_other() -> None:
    class Booting(Vm):
        def ping(self) -> None:
            self._next("ping", {})

    vm = Booting(lost(SshFailure.CONNECT_TIMEOUT), lost(SshFailure.UNREACHABLE), RUNNING, ENDED)
    vm.answers.insert(3, RUNNING)
    run(vm, when_back=60.0)
    assert sent(vm) == [None, None]


def test_a_run_after_a_killed_one_says_when_that_began() -> None:
    vm = Vm(ENDED)
    given = first_sent.stamp(elapsed.now() - 1000)
    run(vm, may_have_arrived=True, first_sent=given)
    (since,) = sent(vm)
    assert since is not None
    assert 1000 + SLACK <= since < 1100 + SLACK


def test_a_run_after_one_that_has_sent_nothing_says_nothing(tmp_path: Path) -> None:
    notes = tmp_path / "sent"
    notes.touch()
    SentFile(str(notes)).note_wait("epyc6")
    vm = Vm(ENDED)
    stamp = first_sent.stamp(elapsed.now())
    run(vm, may_have_arrived=True, first_sent=stamp, sent_file=str(notes))
    assert sent(vm) == [None]


def test_a_run_that_does_not_know_when_another_was_starts_nothing_that_the_vm_may_have_lost() -> (
    None
):
    vm = Vm(RESTARTED)
    result, _, _ = run(vm, may_have_arrived=True)
    assert sent(vm) == [10**9]
    assert result["dx"]["reason"] == "lost"


def test_a_vm_that_may_have_lost_the_command_is_the_end_and_says_that_it_may_have_run() -> None:
    vm = Vm(lost(), RESTARTED)
    result, _, _ = run(vm, max_retries=5)
    record = result["dx"]
    assert [verb for verb, _ in vm.calls] == ["start", "start"]
    assert (record["outcome"], record["reason"]) == ("FAILURE", "lost")
    assert "may have restarted" in record["error"]
    assert "it may have run" in record["error"]
    assert not record.get("attached")


@pytest.mark.parametrize("state", [Reply(state="unknown"), TOMBSTONE])
def test_what_the_vm_had_confirmed_and_no_longer_knows_is_lost(state: Reply) -> None:
    result, _, _ = run(Vm(RUNNING, state))
    assert (result["dx"]["outcome"], result["dx"]["reason"]) == ("FAILURE", "lost")
    assert "may have restarted" in result["dx"]["error"]


def told(vm: Vm, **options: Any) -> tuple[str, str, object]:  # noqa: ANN401 - any option
    record = run(vm, **options)[0]["dx"]
    return record["outcome"], record["reason"], record["stop_verified"]


def test_a_start_that_meets_the_abort_of_its_id_has_started_nothing() -> None:
    assert told(Vm(TOMBSTONE)) == ("ABORTED", "not_started", None)
    assert told(Vm(lost(SshFailure.UNREACHABLE), TOMBSTONE)) == ("ABORTED", "not_started", None)


def test_after_a_start_that_may_have_arrived_an_aborted_id_is_only_unknown() -> None:
    assert told(Vm(lost(), TOMBSTONE)) == ("ABORTED", "unknown_session", None)


def test_who_follows_an_id_that_the_vm_does_not_know_is_told_that() -> None:
    unknown = Vm(Reply(state="unknown"))
    assert told(unknown, attach=True) == ("FAILURE", "unknown_session", None)
    assert told(Vm(TOMBSTONE), attach=True) == ("ABORTED", "unknown_session", None)
