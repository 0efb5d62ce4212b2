"""Rules of handing a task to agents, with the real engine and the agent that is a shell."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from dxansible.errors import NoMatchError, UnknownSessionError, UsageError
from dxansible.record import FanoutOutcome, HostRecord, PreflightStatus, Reason
from dxansible.sessions import (
    SessionOptions,
    abort_session,
    follow_session,
    start_session,
)
from tests.unit.hearing import Hearing
from tests.unit.local_vm import write_playbook

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dxansible.settings import Settings

pytestmark = pytest.mark.resident

CHECK = {"name": "Check", "dxansible.fleet.preflight": {"run_id": "{{ dx_run_id }}"}}
NEVER = "ses_0123456789abcdef-01234567"


class Act(Hearing):
    """An observer that acts once a VM has the task, and keeps what agents say."""

    def __init__(self, at_taken: Callable[[], None] = lambda: None) -> None:
        self.at_taken = at_taken
        self.told: list[str] = []
        self.out: dict[str, str] = {}

    def taken(self, host: str, session_id: str) -> None:
        assert session_id.startswith("ses_")
        self.told.append(f"taken {host}")
        self.at_taken()

    def text(self, host: str, out: str, err: str) -> None:
        self.out[host] = self.out.get(host, "") + out + err

    def ended(self, result: HostRecord) -> None:
        self.told.append(f"finished {result.host}")


def waiting(settings: Settings, **fields: object) -> SessionOptions:
    agent = {} if "session" in fields else {"agent": "shell"}  # a session keeps its agent
    known: dict[str, object] = {**agent, "wait": True, "settings": settings, **fields}
    return SessionOptions(**known)  # type: ignore[arg-type] # any field


def test_every_host_of_a_pattern_has_its_session_and_its_result(settings: Settings) -> None:
    listener = Act()

    results = start_session("all", "echo '{{ 7*7 }}' ä", waiting(settings), observers=[listener])

    assert [(each.host, each.outcome, each.reason) for each in results] == [
        ("here", FanoutOutcome.SUCCESS, Reason.OK),
        ("twin", FanoutOutcome.SUCCESS, Reason.OK),
    ]
    assert {each.message for each in results} == {"{{ 7*7 }} ä\n"}
    assert listener.out == dict.fromkeys(("here", "twin"), "{{ 7*7 }} ä\n")
    assert len({each.session_id for each in results}) == 2
    assert {each.task_summary for each in results} == {"echo '{{ 7*7 }}' ä"}
    assert sorted(listener.told) == [
        "finished here", "finished twin", "taken here", "taken twin",
    ]  # fmt: skip


def test_a_check_that_fails_makes_a_failure_of_a_success(settings: Settings) -> None:
    options = waiting(settings, verify="echo checked; exit 3", beads="bd-1")

    (result,) = start_session("me", b"printf '\\377'", options)

    assert (result.outcome, result.reason) == (FanoutOutcome.FAILURE, Reason.VERIFY_FAILED)
    assert (result.exit_code, result.verify_exit_code) == (3, 3)
    assert (result.message, result.beads, result.user) == ("\ufffd", "bd-1", result.user)


def test_a_task_goes_on_by_itself_and_a_further_turn_waits_in_the_queue(
    settings: Settings, home: Path
) -> None:
    hold = "until [ -e ~/go ]; do sleep 0.05; done; echo first"

    (first,) = start_session("here", hold, waiting(settings, wait=False))
    assert (first.running, first.turn, first.error) == (True, 1, None)

    again = waiting(settings, session=first.session_id)
    (busy,) = start_session("here", "echo no", again)
    assert (busy.outcome, busy.reason) == (FanoutOutcome.FAILURE, Reason.SESSION_BUSY)

    (home / "go").touch()
    queued = waiting(settings, session=first.session_id, queue=True)
    (second,) = start_session("here", "echo second", queued)
    assert (second.outcome, second.turn, second.message) == (
        FanoutOutcome.SUCCESS,
        2,
        "second\n",
    )

    listener = Act()
    followed = follow_session(first.session_id, settings, observers=[listener])
    assert listener.out == {"here": "first\nsecond\n"}
    assert (followed.turn, followed.outcome) == (2, FanoutOutcome.SUCCESS)


def test_a_session_that_its_vm_does_not_know_is_an_error(settings: Settings) -> None:
    with pytest.raises(UnknownSessionError, match=f"no session named {NEVER}; see: dx-"):
        start_session("here", "true", waiting(settings, session=NEVER))


def test_an_agent_that_nobody_has_described_fails_before_anything_starts(
    settings: Settings,
) -> None:
    (result,) = start_session("here", "true", waiting(settings, agent="shel"))

    assert (result.outcome, result.reason) == (
        FanoutOutcome.PREFLIGHT_FAILED,
        Reason.AGENT_INVALID,
    )
    assert "shell" in str(result.error)


def test_a_name_that_is_not_in_the_inventory_fails_its_preflight(settings: Settings) -> None:
    (result,) = start_session("heer", "true", waiting(settings))

    assert (result.outcome, result.reason) == (
        FanoutOutcome.PREFLIGHT_FAILED,
        PreflightStatus.USER_MAPPING_MISSING,
    )
    assert (result.session_id, result.error) == ("", "heer: no such host; did you mean here?")


def test_a_pattern_that_matches_nothing_is_an_error(settings: Settings) -> None:
    with pytest.raises(NoMatchError):
        start_session("x*", "true", waiting(settings))


@pytest.mark.parametrize("task", ["", b"a\0b"])
def test_without_a_task_nothing_is_asked_of_anybody(settings: Settings, task: str | bytes) -> None:
    with pytest.raises(UsageError, match="the task"):
        start_session("here", task, waiting(settings))


@pytest.mark.usefixtures("inventory")
def test_who_stops_looking_leaves_the_session_running() -> None:
    gone = threading.Event()
    options = SessionOptions(agent="shell", wait=True)

    (result,) = start_session(
        "here", "sleep 60", options, observers=[Act(gone.set)], cancelled=gone
    )

    assert (result.running, result.turn, result.error) == (True, 1, None)
    aborted = abort_session(result.session_id)
    assert (aborted.outcome, aborted.reason) == (FanoutOutcome.ABORTED, Reason.ABORTED)


def test_who_stops_looking_before_there_are_hosts_is_told_that_nothing_is_certain(
    settings: Settings,
) -> None:
    gone = threading.Event()
    gone.set()

    (result,) = start_session("here", "true", waiting(settings), cancelled=gone)

    assert (result.outcome, result.reason) == (FanoutOutcome.ABORTED, Reason.ABORTED)


def test_silence_is_never_a_success(playbooks: Path) -> None:
    write_playbook(playbooks / "start-session.yml", CHECK)

    (result,) = start_session("here", "true")

    assert (result.outcome, result.reason) == (FanoutOutcome.FAILURE, Reason.LOST_CONTACT)
