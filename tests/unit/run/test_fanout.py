"""Rules of running a command on every host of a pattern, with the real engine.

Here a stop may be unverified: whatever else the user of the tests starts meanwhile could have
slipped away from the command. The tests that insist on it are those with users of their own.
"""

from __future__ import annotations

import _thread
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from dxansible.errors import EngineError, NoMatchError
from dxansible.fleet import (
    FanoutOptions,
    FanoutOutcome,
    PreflightStatus,
    Reason,
    fanout,
    fanout_ssh,
)
from tests.unit.hearing import Hearing
from tests.unit.local_vm import LOCAL, write_inventory, write_playbook
from tests.unit.run import records
from tests.unit.run.test_listing import said
from tests.unit.waiting import runs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from dxansible.record import HostRecord
    from dxansible.settings import Settings

pytestmark = pytest.mark.resident

PREFLIGHT = {"name": "Check", "dxansible.fleet.preflight": {"run_id": "{{ dx_run_id }}"}}
SLEEP = "echo $$ >~/pid; echo up; exec sleep 60"


def nothing() -> None:
    """Do nothing."""


@dataclass
class Act(Hearing):
    """An observer that acts at what it is told."""

    at_start: Callable[[], None] = nothing
    at_output: Callable[[], None] = nothing
    at_finish: Callable[[], None] = nothing
    hosts: tuple[str, ...] = ()
    out: bytearray = field(default_factory=bytearray)

    def hosts_known(self, hosts: Sequence[str]) -> None:
        self.hosts = tuple(hosts)
        self.at_start()

    def output(self, host: str, out: bytes, err: bytes) -> None:
        del host, err
        self.out += out
        self.at_output()

    def cut(self, host: str, stdout_bytes: int, stderr_bytes: int) -> None:
        pytest.fail(f"{host} lost {stdout_bytes} + {stderr_bytes} bytes")

    def ended(self, result: HostRecord) -> None:
        del result
        self.at_finish()


def command_is_gone(home: Path) -> bool:
    return not runs(int((home / "pid").read_text()))


@pytest.mark.usefixtures("inventory")
def test_a_command_succeeds_with_its_bytes_and_its_log_lines() -> None:
    lines: list[str] = []

    result = fanout_ssh("here", "printf 'a\\377'; echo e >&2", log_callback=lines.append)

    assert (result.outcome, result.reason, result.host) == (
        FanoutOutcome.SUCCESS,
        Reason.OK,
        "here",
    )
    assert (result.stdout_bytes, result.stderr_bytes, result.exit_code) == (b"a\xff", b"e\n", 0)
    assert (result.attempts, result.error, result.stop_verified) == (1, None, None)
    assert [line.split()[0] for line in lines] == ["preflight_ok", "success"]


@pytest.mark.usefixtures("inventory")
def test_an_alias_is_as_good_as_a_name() -> None:
    result = fanout_ssh("me", "exit 7")

    assert (result.host, result.outcome, result.exit_code) == ("here", FanoutOutcome.FAILURE, 7)
    assert (result.reason, result.error) == (Reason.EXIT_NONZERO, "here: exit code 7")


def test_every_host_of_a_pattern_has_a_result_in_the_order_of_the_inventory(
    settings: Settings,
) -> None:
    listener = Act()
    options = FanoutOptions(settings=settings, output_limit=4, forks=2)

    results = fanout("all", b"echo '{{ 7*7 }}'", options, observers=[listener])

    assert [result.host for result in results] == ["here", "twin"]
    assert {result.stdout_bytes for result in results} == {b"{{}\n"}
    assert [result.truncation.stdout_bytes for result in results] == [6, 6]
    assert listener.hosts == ("here", "twin")
    assert len({result.session_id for result in results}) == 2


def test_a_run_with_the_same_id_does_not_run_again(settings: Settings, home: Path) -> None:
    options = FanoutOptions(settings=settings, run_id="once", preflight=False)

    first, second = (fanout("here", "echo ran >>~/runs; cat ~/runs", options) for _ in range(2))

    assert (home / "runs").read_text() == "ran\n"
    assert first[0].stdout == second[0].stdout == "ran\n"


@pytest.mark.usefixtures("inventory")
def test_several_hosts_are_none_to_a_call_for_one() -> None:
    result = fanout_ssh("all", "true", preflight=False)

    assert result.outcome is FanoutOutcome.PREFLIGHT_FAILED
    assert result.error == "all is 2 hosts (here, twin); call fanout for more than one"


def test_a_name_that_is_not_in_the_inventory_fails_its_preflight(settings: Settings) -> None:
    lines: list[str] = []
    options = FanoutOptions(settings=settings, log_callback=lines.append)

    (result,) = fanout("heer", "TOKEN=hunter2 true", options)

    assert result.outcome is FanoutOutcome.PREFLIGHT_FAILED
    assert result.reason is PreflightStatus.USER_MAPPING_MISSING
    assert result.error == "heer: no such host; did you mean here?"
    assert (result.command_summary, result.attempts) == ("TOKEN=*** true", 0)
    assert lines == [
        f'preflight_failed host=heer status=USER_MAPPING_MISSING error="{result.error}"'
    ]


def test_a_pattern_that_matches_nothing_is_an_error(settings: Settings) -> None:
    with pytest.raises(NoMatchError, match=r"gpu:!here: no such host; "):
        fanout("gpu:!here", "true", FanoutOptions(settings=settings))


def test_a_failed_preflight_is_a_result_and_the_command_does_not_run(
    settings: Settings, home: Path
) -> None:
    write_inventory(home / "inventory.yml", there=LOCAL | {"dx_hostnames": ["there"]})

    (result,) = fanout("there", "touch ~/ran", FanoutOptions(settings=settings))

    assert result.outcome is FanoutOutcome.PREFLIGHT_FAILED
    assert result.reason is PreflightStatus.AUTH_MODE_INVALID
    assert not (home / "ran").exists()


def test_a_command_over_its_time_is_stopped(settings: Settings, home: Path) -> None:
    (result,) = fanout("here", SLEEP, FanoutOptions(settings=settings, timeout_sec=1))

    assert (result.outcome, result.reason) == (FanoutOutcome.TIMEOUT, Reason.DEADLINE)
    assert result.stop_verified is not None
    assert result.stdout == "up\n"
    assert command_is_gone(home)


def test_a_cancelled_command_is_aborted_and_its_processes_are_gone(
    settings: Settings, home: Path
) -> None:
    cancelled = threading.Event()

    (result,) = fanout(
        "here",
        SLEEP,
        FanoutOptions(settings=settings),
        observers=[Act(at_output=cancelled.set)],
        cancelled=cancelled,
    )

    assert (result.outcome, result.reason) == (FanoutOutcome.ABORTED, Reason.ABORTED)
    assert result.stop_verified is not None
    assert result.stdout == "up\n"
    assert command_is_gone(home)


@pytest.mark.parametrize(
    ("pattern", "outcome"),
    [("here", FanoutOutcome.ABORTED), ("heer", FanoutOutcome.PREFLIGHT_FAILED)],
)
def test_what_is_cancelled_before_it_begins_never_begins(
    settings: Settings, home: Path, pattern: str, outcome: FanoutOutcome
) -> None:
    cancelled = threading.Event()
    cancelled.set()

    (result,) = fanout(
        pattern, "touch ~/ran", FanoutOptions(settings=settings), cancelled=cancelled
    )

    assert (result.host, result.outcome) == (pattern, outcome)
    assert not (home / "ran").exists()


@pytest.mark.usefixtures("interruptible")
def test_an_interrupted_command_is_stopped_before_the_interrupt_goes_on(
    settings: Settings, home: Path
) -> None:
    listener = Act(at_output=_thread.interrupt_main)

    with pytest.raises(KeyboardInterrupt):
        fanout("here", SLEEP, FanoutOptions(settings=settings), observers=[listener])

    assert command_is_gone(home)


def test_what_had_ended_before_the_cancellation_keeps_its_outcome(settings: Settings) -> None:
    cancelled = threading.Event()
    listener = Act(at_finish=cancelled.set)

    (result,) = fanout(
        "here", "true", FanoutOptions(settings=settings), observers=[listener], cancelled=cancelled
    )

    assert result.outcome is FanoutOutcome.SUCCESS


@pytest.mark.usefixtures("inventory")
def test_a_host_that_ansible_says_nothing_of_is_a_failure_and_no_success(playbooks: Path) -> None:
    write_playbook(playbooks / "run-command.yml", PREFLIGHT)

    result = fanout_ssh("here", "true")

    assert (result.outcome, result.reason) == (FanoutOutcome.FAILURE, Reason.LOST_CONTACT)
    assert result.error == "here: Ansible ended (successful) without a result for this host"


def test_an_abort_that_the_vm_does_not_confirm_is_not_verified(playbooks: Path) -> None:
    cancelled = threading.Event()
    listener = Act(at_start=cancelled.set)
    for name in ("run-command.yml", "stop-command.yml"):
        said(playbooks, name, {"here": records.PREFLIGHT})

    (result,) = fanout("here", "true", observers=[listener], cancelled=cancelled)

    assert (result.outcome, result.reason) == (FanoutOutcome.FAILURE, Reason.LOST_CONTACT)
    assert result.stop_verified is False
    assert "did not answer the stop" in str(result.error)
    assert "try again: dx-dispatch --abort cmd_" in str(result.error)


def test_an_abort_that_ansible_can_not_make_is_not_verified(playbooks: Path) -> None:
    cancelled = threading.Event()
    listener = Act(at_start=cancelled.set)
    said(playbooks, "run-command.yml", {"here": records.PREFLIGHT})
    (playbooks / "stop-command.yml").write_text("not a playbook")

    (result,) = fanout("here", "true", observers=[listener], cancelled=cancelled)

    assert (result.reason, result.stop_verified) == (Reason.LOST_CONTACT, False)
    assert "did not answer the stop (Ansible " in str(result.error)


def test_playbooks_that_are_broken_are_the_engines_fault(playbooks: Path) -> None:
    (playbooks / "run-command.yml").write_text("not a playbook")

    with pytest.raises(EngineError, match="Ansible stopped before it reached a host"):
        fanout_ssh("here", "true")
