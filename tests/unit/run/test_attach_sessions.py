"""Rules of coming back to a session by its id, with the real engine."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.session import session_id

from dxansible.errors import SilentHostError, UnknownSessionError
from dxansible.record import FanoutOutcome, Reason
from dxansible.sessions import (
    abort_session,
    find_session,
    follow_session,
    locate,
    start_session,
)
from tests.unit.local_vm import LOCAL, write_inventory
from tests.unit.run.records import PREFLIGHT, VERDICT
from tests.unit.run.test_listing import LISTED, fails, said
from tests.unit.run.test_start import Act, waiting
from tests.unit.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from dxansible.settings import Settings

pytestmark = pytest.mark.resident

NEVER = session_id("ses_never", "here")
FOREIGN = "ses_made_by_an_agent"


def ran(settings: Settings, task: str, **fields: object) -> str:
    (result,) = start_session("here", task, waiting(settings, **fields))
    return result.session_id


def test_a_session_is_found_and_followed_and_can_be_stopped_no_more(settings: Settings) -> None:
    session = ran(settings, "echo one; exit 3")

    info = find_session(session, settings)
    assert (info.host, info.session_id, info.turn, info.task) == (
        "here",
        session,
        1,
        "echo one; exit 3",
    )

    listener = Act()
    result = follow_session(session, settings, turn=1, observers=[listener])
    assert (result.turn, result.exit_code, listener.out) == (1, 3, {"here": "one\n"})

    aborted = abort_session(session, settings)
    assert (aborted.outcome, aborted.stop_verified) == (FanoutOutcome.FAILURE, True)
    assert (aborted.reason, aborted.exit_code) == (Reason.EXIT_NONZERO, 3)
    assert aborted.error == "here: had already ended: FAILURE (exit code 3)"


def test_who_watches_may_stop_and_the_session_goes_on_until_it_is_aborted(
    settings: Settings, home: Path
) -> None:
    session = ran(settings, "echo up; sleep 300", wait=False)

    wait_until(lambda: follow_session(session, settings, wait=False).message == "up\n")
    seen = follow_session(session, settings, wait=False)
    assert (seen.running, seen.directory, seen.message) == (True, str(home), "up\n")

    gone = threading.Event()
    watched = follow_session(session, settings, observers=[Act(gone.set)], cancelled=gone)
    assert (watched.running, watched.turn, watched.agent) == (True, 1, "shell")

    aborted = abort_session(session, settings)
    assert (aborted.outcome, aborted.reason) == (FanoutOutcome.ABORTED, Reason.ABORTED)
    assert "aborted" in str(aborted.error)


@pytest.mark.parametrize("call", [follow_session, abort_session])
def test_what_its_vm_does_not_know_is_an_error(settings: Settings, call: Any) -> None:  # noqa: ANN401 - all take the same
    with pytest.raises(UnknownSessionError, match=f"no session named {NEVER}; see: dx-"):
        call(NEVER, settings)


def test_an_id_that_an_agent_made_is_looked_for_on_every_host(
    settings: Settings, home: Path
) -> None:
    robot = {"start": ["cat"], "resume": ["cat"]}
    write_inventory(
        home / "inventory.yml",
        here=LOCAL | {"dx_agents": {"robot": robot}},
        there=LOCAL | {"dx_hostnames": ["elsewhere"]},
    )
    (result,) = start_session(
        "here", "hello", waiting(settings, agent="robot", session=FOREIGN, directory="~")
    )
    assert (result.outcome, result.session_id, result.message) == (
        FanoutOutcome.SUCCESS,
        FOREIGN,
        "hello",
    )

    assert locate(FOREIGN, settings) == "here"
    wrong = FOREIGN.replace("agent", "agnet")
    with pytest.raises(UnknownSessionError) as raised:
        locate(wrong, settings)
    assert str(raised.value) == (
        f"no session named {wrong} on the VMs that answered (there could not be asked); "
        f"did you mean {FOREIGN}?"
    )


def test_a_vm_that_does_not_answer_leaves_it_open_whether_there_is_a_session(
    playbooks: Path,
) -> None:
    listed = LISTED | {"error": "here: is it on?"}
    said(playbooks, "list-sessions.yml", {"here": PREFLIGHT}, {"here": listed})

    with pytest.raises(SilentHostError, match=r"here: is it on\?; try again when the VM answers"):
        find_session(NEVER)


STOP = {"kind": "stop", "id": NEVER, "state": "unknown", "totals": None, **VERDICT}
RUNS_ON = "here: asked to stop, but may still be running"


@pytest.mark.parametrize(
    ("step", "reason", "error"),
    [
        (PREFLIGHT | {"status": "TIMEOUT", "error": "here: no answer"}, "lost_contact",
         "here: the VM did not answer the stop (no answer), so what was to be stopped may be"),
        (STOP | {"outcome": "ABORTED", "reason": "aborted", "error": RUNS_ON,
                 "stop_verified": False}, "aborted", RUNS_ON),
    ],
)  # fmt: skip
def test_a_stop_is_verified_only_where_the_vm_says_so(
    playbooks: Path, step: dict[str, Any], reason: str, error: str
) -> None:
    said(playbooks, "stop-session.yml", {"here": step})

    result = abort_session(NEVER)

    assert (result.reason, result.stop_verified) == (reason, False)
    assert str(result.error).startswith(error)


def test_where_ansible_breaks_nothing_is_known_of_a_stop(playbooks: Path) -> None:
    fails(playbooks, "stop-session.yml")

    result = abort_session(NEVER)

    assert (result.outcome, result.reason) == (FanoutOutcome.FAILURE, Reason.LOST_CONTACT)
    assert result.stop_verified is False
    assert "(Ansible failed: our content is broken)" in str(result.error)


def test_who_stops_watching_before_there_is_a_word_has_not_lost_contact(
    settings: Settings,
) -> None:
    gone = threading.Event()
    gone.set()

    result = follow_session(NEVER, settings, cancelled=gone)

    assert result.reason is not Reason.LOST_CONTACT


def test_silence_is_neither_an_end_nor_a_stop(playbooks: Path) -> None:
    for name in ("follow-session.yml", "stop-session.yml"):
        said(playbooks, name, {})

    for result, verified in ((follow_session(NEVER), None), (abort_session(NEVER), False)):
        assert (result.outcome, result.reason) == (FanoutOutcome.FAILURE, Reason.LOST_CONTACT)
        assert result.stop_verified is verified
