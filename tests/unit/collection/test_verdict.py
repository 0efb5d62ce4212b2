"""Rules of deciding the outcome of a command."""

import signal

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils import verdict
from ansible_collections.dxansible.fleet.plugins.plugin_utils.evidence import (
    Evidence,
    never_sent_before,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_reply import Reply
from ansible_collections.dxansible.fleet.plugins.plugin_utils.record import (
    FanoutOutcome,
    PreflightStatus,
    Reason,
    Verdict,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.ssh_errors import SshFailure
from ansible_collections.dxansible.fleet.plugins.plugin_utils.states import ENDED

FINAL = {SshFailure.AUTH, SshFailure.HOST_KEY, SshFailure.UNRESOLVABLE}


def decide(state: str, timeout: float | None = 60, **record: int | bool | None) -> Verdict:
    reply = Reply(state=state, **record)  # type: ignore[arg-type] # any field of a record
    return verdict.from_reply("epyc6", reply, timeout)


@pytest.mark.parametrize("state", sorted(ENDED))
@pytest.mark.parametrize("code", [None, 0, 1, 130, 255])
@pytest.mark.parametrize("verified", [None, True, False])
def test_only_an_exit_with_code_0_is_a_success(
    state: str, code: int | None, *, verified: bool | None
) -> None:
    decided = decide(state, code=code, verified=verified)

    assert (decided.outcome == "SUCCESS") == (state == "exited" and code == 0)
    assert (decided.error is None) == (decided.outcome == "SUCCESS")


def test_a_success_has_its_exit_code_and_what_it_left_running() -> None:
    assert decide("exited", code=0, left=2) == Verdict(
        outcome=FanoutOutcome.SUCCESS,
        reason=Reason.OK,
        evidence=Evidence.TOLD,
        exit_code=0,
        left_running=2,
    )


@pytest.mark.parametrize("code", [1, 2, 124, 127, 128, 200, 255])
def test_another_exit_code_is_a_failure(code: int) -> None:
    assert decide("exited", code=code, left=1) == Verdict(
        outcome=FanoutOutcome.FAILURE,
        reason=Reason.EXIT_NONZERO,
        error=f"epyc6: exit code {code}",
        evidence=Evidence.TOLD,
        exit_code=code,
        left_running=1,
    )


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_signal_from_elsewhere_is_named(number: signal.Signals) -> None:
    decided = decide("exited", code=128 + number)

    assert (decided.outcome, decided.reason) == ("FAILURE", "signalled")
    assert decided.error == f"epyc6: killed by {number.name} (exit code {128 + number})"


def test_an_exit_without_a_code_is_a_failure() -> None:
    assert decide("exited").exit_code == 255


@pytest.mark.parametrize(
    ("state", "outcome", "reason"),
    [("timeout", "TIMEOUT", "deadline"), ("aborted", "ABORTED", "aborted")],
)
@pytest.mark.parametrize(
    ("verified", "ending"),
    [
        (True, "(its processes are gone)"),
        (False, "(some of its processes may still be running on the VM)"),
        (None, "(some of its processes may still be running on the VM)"),
    ],
)
def test_a_stop_says_whether_it_is_verified(
    state: str, outcome: str, reason: str, ending: str, *, verified: bool | None
) -> None:
    decided = decide(state, verified=verified)

    assert (decided.outcome, decided.reason) == (outcome, reason)
    assert decided.stop_verified is (verified is True)
    assert str(decided.error).endswith(ending)


@pytest.mark.parametrize(
    ("timeout", "text"), [(1.5, "after 1.5 s"), (60, "after 60 s"), (None, "at its deadline")]
)
def test_a_timeout_says_how_long_it_waited(timeout: float | None, text: str) -> None:
    assert f"timed out {text};" in str(decide("timeout", timeout).error)


@pytest.mark.parametrize(
    ("state", "reason", "text"),
    [
        ("killed", "signalled", "the VM killed the command"),
        ("unstarted", "vm_error", "nothing was run; try again"),
        ("unknown", "unknown_session", "the VM has no such session"),
        ("lost", "lost", "the outcome of the command is unknown"),
        ("of a later version", "lost", "the outcome of the command is unknown"),
    ],
)
def test_every_other_end_is_a_failure_for_a_reason(state: str, reason: str, text: str) -> None:
    decided = decide(state)

    assert (decided.outcome, decided.reason) == ("FAILURE", reason)
    assert text in str(decided.error)


def test_an_abort_of_an_id_without_a_record_proves_only_that_it_can_not_start() -> None:
    decided = decide("aborted", verified=True, tombstone=True)

    assert (decided.outcome, decided.reason) == ("ABORTED", "unknown_session")
    assert decided.stop_verified is None
    assert "it can't start there any more" in str(decided.error)
    assert "--sessions, or --runs" in str(decided.error)
    assert "nothing was run" not in str(decided.error)


@pytest.mark.parametrize("failure", list(SshFailure))
def test_only_what_no_second_attempt_can_mend_is_refused(failure: SshFailure) -> None:
    assert (verdict.refused(failure, "text") is not None) == (failure in FINAL)


@pytest.mark.parametrize(
    ("failure", "outcome", "reason"),
    [
        (SshFailure.AUTH, "PREFLIGHT_FAILED", "auth_failed"),
        (SshFailure.HOST_KEY, "PREFLIGHT_FAILED", "host_key"),
        (SshFailure.UNRESOLVABLE, "PREFLIGHT_FAILED", "HOST_UNRESOLVABLE"),
    ],
)
def test_a_refusal_has_its_reason(failure: SshFailure, outcome: str, reason: str) -> None:
    refused = verdict.refused(failure, "text")

    assert refused is not None
    assert (refused.outcome, refused.reason, refused.error) == (outcome, reason, "text")


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (SshFailure.UNRESOLVABLE, PreflightStatus.HOST_UNRESOLVABLE),
        (SshFailure.UNREACHABLE, PreflightStatus.HOST_UNREACHABLE),
        (SshFailure.CONNECT_TIMEOUT, PreflightStatus.TIMEOUT),
    ],
)
def test_a_vm_that_was_never_reached_failed_its_preflight(
    failure: SshFailure, status: PreflightStatus
) -> None:
    decided = verdict.gave_up(failure, "text", "id", Evidence.REFUSED)

    assert decided == verdict.unchecked(status, "text", Evidence.REFUSED)


@pytest.mark.parametrize("failure", list(SshFailure))
def test_a_vm_that_may_have_been_reached_is_lost_contact_with(failure: SshFailure) -> None:
    decided = verdict.gave_up(failure, "text", "id", Evidence.LOST)

    assert (decided.outcome, decided.reason) == ("FAILURE", "lost_contact")
    assert str(decided.error).startswith("text; the command may be running there; see: ")
    assert "dx-dispatch --logs id" in str(decided.error)


@pytest.mark.parametrize("failure", [SshFailure.LOST, SshFailure.AUTH, SshFailure.HOST_KEY])
def test_what_tells_nothing_of_the_way_counts_as_contact(failure: SshFailure) -> None:
    assert verdict.gave_up(failure, "text", "id", Evidence.REFUSED).reason == "lost_contact"


def test_a_shell_that_answers_wrongly_is_the_vm_s_error_unless_a_command_may_run() -> None:
    unable = verdict.unable("text", "id", Evidence.REFUSED)

    assert (unable.outcome, unable.reason, unable.error) == ("FAILURE", "vm_error", "text")
    assert verdict.unable("text", "id", Evidence.LOST).reason == "lost_contact"


def test_every_word_of_a_verdict_is_one_of_the_command_line_s() -> None:
    verdicts = [
        *(decide(state, code=code) for state in ENDED for code in (0, 1, 137)),
        *(decided for f in SshFailure if (decided := verdict.refused(f, "text"))),
        *(
            verdict.gave_up(failure, "text", "id", joined)
            for failure in SshFailure
            for joined in Evidence
        ),
    ]

    for decided in verdicts:
        assert decided.outcome in list(FanoutOutcome)
        failed = decided.outcome is FanoutOutcome.PREFLIGHT_FAILED
        login = failed and decided.reason in {Reason.AUTH_FAILED, Reason.HOST_KEY}
        assert login or isinstance(decided.reason, PreflightStatus if failed else Reason)


@pytest.mark.parametrize("evidence", [Evidence.LOST, Evidence.REFUSED])
def test_a_refused_question_proves_nothing_of_work_that_was_sent_earlier(
    evidence: Evidence,
) -> None:
    for failure in (SshFailure.AUTH, SshFailure.HOST_KEY):
        decided = verdict.refused(failure, "refused", evidence)
        assert decided is not None
        assert decided.evidence is evidence


def test_only_a_vm_that_does_not_know_a_new_id_has_begun_nothing() -> None:
    assert never_sent_before("unknown_session", Evidence.TOLD) is not None
    assert never_sent_before("unknown_session", Evidence.LOST) is None
    assert never_sent_before("lost", Evidence.TOLD) is None
