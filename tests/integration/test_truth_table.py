"""The rows of the design's truth table that need no connection lost midway, through both doors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dxansible.fleet import fanout_ssh
from tests.integration.doors import DONE, Told, told, told_by_both
from tests.lab import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import ThreadPoolExecutor

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Lab, Vm


def failed(code: int, reason: str = "exit_nonzero") -> Told:
    return Told(outcome="FAILURE", reason=reason, exit_code=code)


ENDINGS = {
    "exit 0": DONE,
    "exit 1": failed(1),
    "exit 2": failed(2),
    "/etc/passwd": failed(126),
    "no-such-command": failed(127),
    "exit 255": failed(255),
    "kill -KILL $$": failed(137, "signalled"),
    "kill -SEGV $$": failed(139, "signalled"),
}


def _check(here: Dispatcher, vm: Vm, command: str) -> None:
    for result in told_by_both(here, command):
        assert told(result) == ENDINGS[command]
        assert (result["host"], result["user"]) == (vm.name, vm.user)
        assert (result["error"] is None) is (told(result) == DONE)
        assert result["stop_verified"] is None


@pytest.mark.resident
@pytest.mark.parametrize("command", ENDINGS)
def test_a_command_that_ends_is_an_answer_whatever_its_code(
    here: Dispatcher, epyc6: Vm, command: str
) -> None:
    _check(here, epyc6, command)


@pytest.mark.parametrize("command", ["exit 255", "kill -KILL $$"])
def test_it_is_the_same_answer_without_an_engine(here: Dispatcher, epyc6: Vm, command: str) -> None:
    _check(here, epyc6, command)


@pytest.mark.engines
@pytest.mark.sampled("user")
def test_the_deadline_is_a_timeout_and_the_stop_is_verified(here: Dispatcher) -> None:
    for result in told_by_both(here, "echo begun; sleep 600", timeout=1.5):
        assert told(result) == Told(outcome="TIMEOUT", reason="deadline")
        assert (result["stdout"], result["stop_verified"]) == ("begun\n", True)
        assert "use a longer --timeout" in result["error"]


REFUSED = Told(outcome="PREFLIGHT_FAILED", reason="HOST_UNREACHABLE", attempts=2)

FAULTS = {
    Fault.REFUSE: REFUSED,
    Fault.CLOSE_EARLY: REFUSED,
    Fault.REFUSE_AUTH: Told(outcome="PREFLIGHT_FAILED", reason="auth_failed"),
    Fault.CHANGED_KEY: Told(outcome="PREFLIGHT_FAILED", reason="host_key"),
    Fault.DEFAULT_PENALTIES: DONE,
    Fault.MAX_STARTUPS: DONE,
}


@pytest.mark.resident
@pytest.mark.parametrize(("fault", "expected"), FAULTS.items(), ids=map(str, FAULTS))
def test_a_fault_of_the_connection_is_told_as_what_it_is(
    here: Dispatcher, epyc6: Vm, fault: Fault, expected: Told
) -> None:
    (epyc6.home / "ran").unlink(missing_ok=True)
    epyc6.fault(fault)
    for result in told_by_both(here, "echo hello >>ran"):
        assert told(result) == expected
        assert (epyc6.home / "ran").exists() is (expected == DONE)
        assert epyc6.name in (result["error"] or "epyc6")


MUTE = {
    "homedesktop-wsl": Fault.DROP,
    "macmini": Fault.SILENT,
    "epyc6": Fault.HOLD_AUTH,
}


@pytest.fixture
def mute(lab: Lab) -> Iterator[list[Vm]]:
    """Three machines that never answer, each in its own way."""
    for name, fault in MUTE.items():
        lab.vms[name].fault(fault)
    yield list(lab.vms.values())
    for vm in lab.vms.values():
        vm.heal()


@pytest.mark.long
def test_a_host_that_never_answers_is_given_up_after_two_attempts(
    here: Dispatcher, mute: list[Vm], pool: ThreadPoolExecutor
) -> None:
    names = [vm.name for vm in mute]
    by_line = pool.submit(here.run, "all", "--exec", "echo hello", "--json")
    by_python = pool.map(lambda name: fanout_ssh(name, "echo hello").to_dict(), names)
    answer = by_line.result()
    assert answer.code == 3
    for result in (*answer.document["results"], *by_python):
        assert told(result) == Told(outcome="PREFLIGHT_FAILED", reason="TIMEOUT", attempts=2)
        assert result["host"] in result["error"]
