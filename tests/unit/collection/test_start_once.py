"""Rules of a start that is not answered: nothing is said of it that the VM has not proved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils import elapsed
from ansible_collections.dxansible.fleet.plugins.plugin_utils.attempts import _MOST_UNFINISHED
from ansible_collections.dxansible.fleet.plugins.plugin_utils.command_run import CommandRun
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_reply import (
    KeeperError,
    NoAnswerError,
    ProgramMissingError,
    Reply,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.link import LinkError
from ansible_collections.dxansible.fleet.plugins.plugin_utils.machine import Machine
from ansible_collections.dxansible.fleet.plugins.plugin_utils.sent_file import SentFile
from ansible_collections.dxansible.fleet.plugins.plugin_utils.ssh_errors import SshFailure

from tests.unit.collection.answers import Played, make_run, play
from tests.unit.collection.turn_answers import SES, ended, entry, listing, resume, turn

if TYPE_CHECKING:
    from pathlib import Path

KILLED = NoAnswerError("Killed")
REFUSED = NoAnswerError("This account is currently not available.", refused=True)
FULL = KeeperError("cannot write: is the disk full?")
LOST = LinkError(SshFailure.LOST, "Connection reset")
OFF = LinkError(SshFailure.UNREACHABLE, "Connection refused")
NEVER = Reply(state="aborted", never=True, verified=True)
UNSTARTED = Reply(state="unstarted")
TOKEN = "t1"  # noqa: S105 - no secret
MINE = Reply(state="exited", code=0, token=TOKEN)
OTHERS = Reply(state="exited", code=0, token="t2")  # noqa: S106 - as above


def run(*answers: Any, **options: object) -> Played:  # noqa: ANN401 - of any verb
    given = {"id": "cmd_1", "cmd": "true", "token": TOKEN, **options}
    return play(make_run(CommandRun, given), *answers)


def end_of(played: Played) -> tuple[str, str, int]:
    record = played.record
    return record["outcome"], record["reason"], record["attempts"]


VM_ERROR, GONE = ("FAILURE", "vm_error", 1), ("FAILURE", "lost_contact", 2)


@pytest.mark.parametrize("silence", [KILLED, REFUSED])
@pytest.mark.parametrize("proof", [NEVER, UNSTARTED])
def test_what_the_vm_says_to_be_impossible_is_an_error_in_the_shell_s_words(
    silence: NoAnswerError, proof: Reply
) -> None:
    played = run(silence, proof)

    assert (end_of(played), played.verbs) == (VM_ERROR, ["start", "settle"])
    assert played.record["error"] == f"epyc6: {silence}"


def test_a_vm_that_may_have_lost_the_start_proves_nothing() -> None:
    played = run(KILLED, Reply(state="lost", restarted=True, verified=True))

    assert (end_of(played), played.verbs) == (("FAILURE", "lost", 1), ["start", "settle"])
    assert played.calls[1][-1]["since"] > 0


def test_a_shell_that_refuses_every_command_has_begun_none() -> None:
    played = run(REFUSED, REFUSED)

    assert (end_of(played), played.verbs) == (VM_ERROR, ["start", "settle"])
    assert played.record["error"] == f"epyc6: {REFUSED}"


def test_a_shell_that_refuses_now_may_have_begun_what_it_was_given_before() -> None:
    assert end_of(run(KILLED, REFUSED, REFUSED, REFUSED)) == GONE
    assert end_of(run(LOST, REFUSED, REFUSED)) == GONE


@pytest.mark.parametrize("silent", [KILLED, LOST, OFF])
def test_a_start_that_is_not_settled_is_tried_again_and_then_lost(silent: Exception) -> None:
    played = run(KILLED, silent, KILLED, silent)

    assert (end_of(played), played.verbs) == (GONE, ["start", "settle"] * 2)
    assert played.record["error"] == (
        "epyc6: Killed; the command may be running there; see: dx-dispatch --logs cmd_1"
    )
    assert end_of(run(KILLED, silent, MINE)) == ("SUCCESS", "ok", 2)


@pytest.mark.parametrize(("found", "attached"), [(MINE, False), (OTHERS, True)])
def test_what_the_vm_has_is_followed(found: Reply, attached: bool) -> None:  # noqa: FBT001 - a case
    played = run(KILLED, found, found)

    assert (end_of(played), played.verbs) == (("SUCCESS", "ok", 1), ["start", "settle", "poll"])
    assert played.record["attached"] is attached


def test_another_command_of_that_id_is_a_conflict() -> None:
    assert run(KILLED, Reply(state="conflict")).record["reason"] == "id_conflict"


def test_the_keeper_s_own_word_is_enough_for_a_first_start_alone() -> None:
    assert run(FULL).record["reason"] == "vm_error"
    assert end_of(run(LOST, FULL, NEVER)) == ("FAILURE", "vm_error", 2)
    assert end_of(run(LOST, FULL, FULL)) == GONE
    assert run(FULL, FULL, may_have_arrived=True, max_retries=0).record["reason"] == "lost_contact"


def test_a_poll_without_an_answer_is_a_lost_connection() -> None:
    running = Reply(state="running", token=TOKEN)

    assert end_of(run(running, KILLED, MINE)) == ("SUCCESS", "ok", 2)
    assert end_of(run(running, REFUSED, REFUSED)) == GONE
    assert end_of(run(REFUSED, REFUSED, attach=True)) == GONE


def test_a_missing_program_is_final_only_if_no_start_is_on_its_way() -> None:
    missing = ProgramMissingError("/bin")

    assert turn([missing]).record["reason"] == "agent_missing"
    assert turn([LOST, missing, NEVER]).record["reason"] == "agent_missing"
    assert turn([LOST, missing, LOST]).record["reason"] == "lost_contact"
    followed = turn([LOST, missing, ended(token=TOKEN), ended(token=TOKEN)], token=TOKEN)
    assert (followed.record["outcome"], followed.verbs[-1]) == ("SUCCESS", "poll")


def test_a_further_turn_is_settled_under_its_own_id() -> None:
    played = resume([listing(entry(1)), KILLED, NEVER])

    assert played.calls[-1][:2] == ("settle", f"{SES}.2")
    assert played.record["reason"] == "vm_error"


def test_a_question_that_is_refused_has_begun_nothing() -> None:
    assert resume([REFUSED]).record["reason"] == "vm_error"


def test_nobody_is_attached_to_what_nobody_has_started() -> None:
    assert run(NEVER).record["attached"] is False
    assert run(OTHERS).record["attached"] is True
    assert run(OTHERS, attach=True).record["attached"] is False


def test_an_answer_within_a_step_makes_the_budget_whole() -> None:
    first = Reply(state="exited", code=0, token=TOKEN, out=b"ab", out_total=4)
    rest = Reply(state="exited", code=0, token=TOKEN, out=b"cd", out_from=2, out_total=4)
    played = run(LOST, first, LOST, first, LOST, first, rest, stream=False)

    assert end_of(played) == ("SUCCESS", "ok", 4)
    assert played.result["stdout"] == "abcd"


def test_a_step_that_never_ends_is_given_up_at_last() -> None:
    first = Reply(state="exited", code=0, token=TOKEN, out=b"ab", out_total=4)
    played = run(*[first, LOST] * (_MOST_UNFINISHED + 2))

    assert end_of(played) == ("FAILURE", "lost_contact", _MOST_UNFINISHED + 2)


def test_a_clock_that_is_set_back_makes_no_time_negative() -> None:
    class SetBack(Machine):
        def wall(self) -> float:
            return next(moments)

    moments = map(float, range(2_000_000_000, 0, -1000))
    given = {"id": "cmd_1", "cmd": "true", "token": TOKEN}
    played = play(make_run(CommandRun, given, machine=SetBack()), LOST, MINE)

    assert 0 <= played.record["duration_ms"] < 60_000
    assert elapsed.now() > 0


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    path = tmp_path / "sent"
    path.touch()
    return path


def test_a_host_that_is_waited_for_was_sent_nothing(notes: Path) -> None:
    given = {"when_back": 600.0, "sent_file": str(notes)}
    found = []

    def asked() -> None:
        found.append(SentFile(str(notes)).close())
        raise LinkError(SshFailure.UNREACHABLE, "Connection refused")

    played = run(OFF, asked, KeeperError("answers"), **given)

    assert found == [{"epyc6"}]
    assert played.verbs == ["start", "ping", "ping"], "nothing is sent once the file is closed"
    assert end_of(played) == ("ABORTED", "not_started", 3)


@pytest.mark.parametrize(
    ("answers", "options"),
    [
        ((MINE,), {}),
        ((LOST, OFF, KeeperError("answers"), MINE), {}),
        ((OFF, KeeperError("answers"), MINE), {"may_have_arrived": True}),
    ],
    ids=["sent", "waited for after that", "sent by an earlier run"],
)
def test_a_host_that_may_have_been_sent_work_is_no_proof(
    notes: Path, answers: tuple[Any, ...], options: dict[str, object]
) -> None:
    run(*answers, when_back=600.0, sent_file=str(notes), **options)

    assert SentFile(str(notes)).close() == frozenset()
