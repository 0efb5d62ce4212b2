"""Rules of coming back to a command by its id, with the real engine."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.session import session_id

from dxansible.errors import UsageError
from dxansible.fleet import (
    FanoutOptions,
    FanoutOutcome,
    Reason,
    abort_command,
    fanout,
    follow_command,
    follow_commands,
)
from tests.unit.local_vm import write_playbook
from tests.unit.run.test_fanout import PREFLIGHT, SLEEP, Act, command_is_gone
from tests.unit.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from dxansible.settings import Settings


pytestmark = pytest.mark.resident

NEVER = session_id("never", "here")


def ran(settings: Settings, command: str) -> str:
    (result,) = fanout("here", command, FanoutOptions(settings=settings))
    return str(result.session_id)


@pytest.fixture
def running(settings: Settings, home: Path) -> str:
    """The id of a command that runs, started by somebody who then went away."""
    source = str(settings.inventory[0])
    text = (
        "from dxansible.fleet import FanoutOptions, fanout\n"
        "from dxansible.settings import Settings\n"
        f"chosen = FanoutOptions(run_id='gone', settings=Settings.load({source!r}))\n"
        f"fanout('here', {SLEEP!r}, chosen)"
    )
    with subprocess.Popen([sys.executable, "-c", text]) as client:
        wait_until((home / "pid").exists)
        client.kill()
    return session_id("gone", "here")


def test_a_command_that_has_ended_is_shown_from_its_first_byte(settings: Settings) -> None:
    listener = Act()

    result = follow_command(ran(settings, "echo first; exit 3"), settings, observers=[listener])

    assert result is not None
    assert (result.outcome, result.exit_code) == (FanoutOutcome.FAILURE, 3)
    assert (result.stdout, bytes(listener.out)) == ("first\n", b"first\n")


def test_who_stops_watching_does_not_stop_the_command(running: str, home: Path) -> None:
    cancelled = threading.Event()
    listener = Act(at_output=cancelled.set)

    assert follow_command(running, observers=[listener], cancelled=cancelled) is None
    assert not command_is_gone(home)

    assert abort_command(running).outcome is FanoutOutcome.ABORTED
    assert command_is_gone(home)


@pytest.mark.parametrize(
    ("command", "outcome", "error"),
    [
        ("true", FanoutOutcome.SUCCESS, "had already ended: SUCCESS"),
        ("exit 3", FanoutOutcome.FAILURE, "had already ended: FAILURE (exit code 3)"),
    ],
)
def test_a_command_that_had_ended_keeps_its_outcome_and_the_error_says_so(
    settings: Settings, command: str, outcome: FanoutOutcome, error: str
) -> None:
    result = abort_command(ran(settings, command), settings)

    assert (result.outcome, result.stop_verified) == (outcome, True)
    assert result.error == f"here: {error}"


@pytest.mark.parametrize("wrong", ["cmd_1-0a1b2c3d", "here"])
def test_an_id_of_no_host_of_the_inventory_is_a_usage_error(settings: Settings, wrong: str) -> None:
    with pytest.raises(UsageError, match=r"is on no host of this inventory|is not a session id"):
        follow_command(wrong, settings)


def test_an_id_that_the_vm_does_not_know_is_an_unknown_session(settings: Settings) -> None:
    result = follow_command(NEVER, settings)

    assert result is not None
    assert (result.outcome, result.reason) == (FanoutOutcome.FAILURE, Reason.UNKNOWN_SESSION)


def test_silence_is_neither_an_end_nor_a_stop(playbooks: Path) -> None:
    for name in ("follow-command.yml", "stop-command.yml"):
        write_playbook(playbooks / name, PREFLIGHT)

    followed, aborted = follow_command(NEVER), abort_command(NEVER)

    assert followed is not None
    assert (followed.outcome, followed.reason) == (FanoutOutcome.FAILURE, Reason.LOST_CONTACT)
    assert (aborted.outcome, aborted.reason) == (FanoutOutcome.FAILURE, Reason.LOST_CONTACT)
    assert aborted.stop_verified is False


def test_no_session_is_no_result(settings: Settings) -> None:
    assert follow_commands([], settings) == []
