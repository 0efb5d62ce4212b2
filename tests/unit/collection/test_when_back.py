"""Rules of the wait for a host that is off, and of a command for later, without a network."""

from __future__ import annotations

import time
from typing import Any

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.command_run import CommandRun
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_listing import Ping
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_reply import Reply
from ansible_collections.dxansible.fleet.plugins.plugin_utils.link import LinkError
from ansible_collections.dxansible.fleet.plugins.plugin_utils.ssh_errors import SshFailure
from ansible_collections.dxansible.fleet.plugins.plugin_utils.waiting import LONGEST_WAIT, Waiting

from dxansible.parameters import LONGEST_WAIT as OURS
from tests.unit.clock import ClockedMachine
from tests.unit.collection.answers import Played, make_run, play

ENDED = Reply(state="exited", code=0)
ANSWERS = Ping(load=0.0, running=0, found=None, version=None)
OFF = LinkError(SshFailure.UNREACHABLE, "Connection refused")
BROKEN = LinkError(SshFailure.LOST, "Connection reset")
REFUSED = LinkError(SshFailure.AUTH, "Permission denied")


def run(*answers: Any, **options: object) -> Played:  # noqa: ANN401 - of any verb
    given = {"id": "cmd_1", "cmd": "true", "when_back": 600.0, **options}
    return play(make_run(CommandRun, given), *answers)


def told(played: Played) -> list[tuple[bool, bool]]:
    """Of each news about the wait: whether it goes on, and whether the command may run."""
    news = [each for each in played.news if each["kind"] == "waiting"]
    return [(each["until"] is not None, each["may_run"]) for each in news]


def test_while_it_waits_the_host_is_only_asked_whether_it_answers() -> None:
    played = run(OFF, OFF, OFF, ANSWERS, ENDED)

    assert played.verbs == ["start", "ping", "ping", "ping", "start"]
    assert told(played) == [(True, False), (False, False)]
    assert (played.record["outcome"], played.record["attempts"]) == ("SUCCESS", 4)


def test_the_pauses_grow_to_a_minute() -> None:
    played = run(*[OFF] * 30, ANSWERS, ENDED)

    assert played.pauses[0] < 3
    assert 40 < played.pauses[-1] < 80
    assert len(played.pauses) == 30


def test_a_start_that_may_have_arrived_is_said_and_sent_again_with_its_id() -> None:
    played = run(BROKEN, OFF, ANSWERS, ENDED)

    assert [call[1] for call in played.calls if call[0] == "start"] == ["cmd_1", "cmd_1"]
    assert told(played) == [(True, True), (True, True), (False, True)]


def test_a_broken_question_means_nothing_for_the_command() -> None:
    assert told(run(OFF, BROKEN, ANSWERS, ENDED)) == [(True, False), (True, False), (False, False)]


@pytest.mark.parametrize("answers", [(REFUSED,), (OFF, REFUSED, REFUSED)])
def test_a_refused_login_ends_the_wait(answers: tuple[Exception, ...]) -> None:
    assert run(*answers).record["reason"] == "auth_failed"


def test_once_the_vm_has_the_command_a_lost_connection_is_retried_as_ever() -> None:
    played = run(Reply(state="running"), OFF, OFF, stream=True)

    assert told(played) == []
    assert played.record["reason"] == "lost_contact"


def test_without_it_nothing_is_waited_for() -> None:
    played = run(OFF, OFF, when_back=0.0)

    assert (played.verbs, played.record["reason"]) == (["start", "start"], "HOST_UNREACHABLE")


def test_the_time_of_the_wait_is_limited() -> None:
    assert LONGEST_WAIT == OURS
    with pytest.raises(ValueError, match="dx_when_back"):
        run(when_back=LONGEST_WAIT + 1.0)


def test_the_wait_ends_with_its_time() -> None:
    machine = ClockedMachine()
    waiting = Waiting(60, 2.0, machine)

    assert waiting.awaits(SshFailure.UNREACHABLE)
    machine.moment += 61
    assert not waiting.awaits(SshFailure.UNREACHABLE)


def test_a_command_for_later_is_left_to_its_vm() -> None:
    reply = Reply(state="scheduled", starts=100)
    played = run(reply, start_at=time.time() + 100, when_back=0.0)

    assert 98 < played.calls[0][3]["delay"] <= 100
    assert (played.record["outcome"], played.record["starts_s"]) == ("RUNNING", 100)
    assert not played.result["failed"]


def test_who_follows_a_command_for_later_waits_until_it_starts() -> None:
    later = Reply(state="scheduled", starts=40)
    played = run(later, later, ENDED, attach=True, when_back=0.0)

    assert played.verbs == ["poll"] * 3
    assert played.pauses == [30, 30]
