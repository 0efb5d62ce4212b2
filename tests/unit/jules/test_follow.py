"""Rules of following a session of Jules: what its states mean, and when to stop looking."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from dxansible.jules.follow import Follower
from dxansible.record import FanoutOutcome, Reason
from tests.services.jules import Fault

if TYPE_CHECKING:
    from dxansible.jules.client import JulesClient
    from dxansible.jules.model import JulesResult
    from tests.services import JulesServer
    from tests.unit.clock import Clock

PULL = "https://github.com/acme/widget/pull/7"


class Follow:
    """Follows a session that was created just now."""

    def __init__(self, jules: JulesServer, client: JulesClient, clock: Clock) -> None:
        self.jules, self.client, self.clock = jules, client, clock
        self.told: list[str] = []

    def __call__(self, **options: Any) -> JulesResult:  # noqa: ANN401 - any field
        self.jules.answer(
            "POST", "sessions", {}, {"prompt": "Mend it", "automationMode": "AUTO_CREATE_PR"}
        )
        return self.follower(**options).run(self.id)

    def follower(self, **options: Any) -> Follower:  # noqa: ANN401 - any field
        return Follower(client=self.client, tell=self.told.append, **options)

    @property
    def id(self) -> str:
        return list(self.jules.sessions)[-1]


@pytest.fixture
def follow(jules: JulesServer, client: JulesClient, clock: Clock) -> Follow:
    return Follow(jules, client, clock)


def test_a_session_is_followed_to_its_pull_request(follow: Follow) -> None:
    result = follow()

    assert (result.outcome, result.reason, result.error) == (FanoutOutcome.SUCCESS, Reason.OK, None)
    assert result.session is not None
    assert (result.session.state, result.session.pull_request) == ("COMPLETED", PULL)
    assert "".join(follow.told) == (
        "plan:\n  1. Look around\n  2. Mend\nMending\n$ make test\nall \\x1b[31mgood\nexit code 0\n"
        "completed\n"
    )
    assert result.to_dict()["pull_request"] == PULL


def test_a_session_that_is_new_may_not_be_found_at_first(follow: Follow) -> None:
    follow.jules.fresh_404 = 3

    assert follow(fresh=True).outcome is FanoutOutcome.SUCCESS


@pytest.mark.parametrize(
    ("allowed", "outcome", "reason"),
    [
        (False, FanoutOutcome.FAILURE, Reason.NO_PULL_REQUEST),
        (True, FanoutOutcome.SUCCESS, Reason.OK),
    ],
)
def test_completed_without_a_pull_request(
    follow: Follow, outcome: FanoutOutcome, reason: Reason, *, allowed: bool
) -> None:
    follow.jules.pull_request = False

    result = follow(allow_no_pr=allowed)

    assert (result.outcome, result.reason) == (outcome, reason)
    assert allowed or str(result.error).startswith(
        "completed without a pull request; see https://j"
    )


def test_a_pull_request_that_shows_late_is_seen(follow: Follow) -> None:
    follow.jules.pull_request = False

    def show(_method: str, _path: str, _phase: str) -> None:
        for session in follow.jules.sessions.values():
            if session["state"] == "COMPLETED" and follow.clock.slept[-1:] == [2.0]:
                session["outputs"] = [{"pullRequest": {"url": PULL}}]

    follow.jules.hook = show

    assert follow().outcome is FanoutOutcome.SUCCESS


def test_a_failure_has_jules_own_reason(follow: Follow) -> None:
    follow.jules.states = ["IN_PROGRESS", "FAILED"]

    result = follow()

    assert (result.outcome, result.reason) == (FanoutOutcome.FAILURE, Reason.JULES_FAILED)
    assert result.error == "Jules failed: the tests can't be run"


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("AWAITING_PLAN_APPROVAL", "its plan waits for approval: dx-dispatch --approve 1111"),
        ("AWAITING_USER_FEEDBACK", "it has a question: dx-dispatch --logs 1111"),
        ("PAUSED", "it is paused: send a message with --session 1111"),
    ],
)
def test_what_needs_a_person_is_said(follow: Follow, state: str, text: str) -> None:
    follow.jules.states = ["PLANNING", state]

    result = follow()

    assert (result.outcome, result.reason) == (FanoutOutcome.FAILURE, Reason.NEEDS_INPUT)
    assert text in str(result.error)
    assert result.message == ("Which one?" if state == "AWAITING_USER_FEEDBACK" else None)


def test_a_state_that_nobody_knows_is_no_end(follow: Follow) -> None:
    follow.jules.states = ["DREAMING\x1b[2J"]

    result = follow(timeout_sec=100)

    assert (result.outcome, result.reason) == (FanoutOutcome.TIMEOUT, Reason.DEADLINE)
    assert (
        "its state is DREAMING\\x1b[2J. Jules can't cancel it; to archive it: dx-dispatch --abort"
        in str(result.error)
    )
    assert result.stop_verified is False
    assert (result.duration_ms, sum(follow.clock.slept)) == (100_000, 100)


def test_a_session_that_says_nothing_new_is_left_at_the_idle_limit(follow: Follow) -> None:
    follow.jules.states = ["IN_PROGRESS"]

    result = follow(idle_timeout_sec=50)

    assert (result.outcome, result.reason) == (FanoutOutcome.TIMEOUT, Reason.IDLE)
    assert "no activity for 5" in str(result.error)


def test_activities_are_asked_for_seldom(follow: Follow) -> None:
    follow.jules.states = ["IN_PROGRESS"]

    follow(timeout_sec=600)

    assert follow.jules.count("GET", "/activities") <= follow.jules.count("GET", follow.id) / 2
    assert follow.jules.count("GET", follow.id) < 80


def test_trouble_on_the_way_is_sat_out(follow: Follow) -> None:
    follow.jules.fail("GET", "1", Fault.page(503), times=3)
    follow.jules.fail("GET", "1", Fault.quota("3"))
    follow.jules.fail("GET", "/activities", Fault(), times=2)

    assert follow().outcome is FanoutOutcome.SUCCESS
    assert len(follow.told) == 3


def test_activities_that_can_t_be_had_don_t_change_the_outcome(follow: Follow) -> None:
    follow.jules.fail("GET", "/activities", Fault.page(500), times=1000)

    assert follow().outcome is FanoutOutcome.SUCCESS
    assert follow.told == []


def test_a_lost_contact_is_not_the_end_of_the_session(follow: Follow) -> None:
    follow.jules.fail("GET", "1", Fault(), times=1000)

    result = follow()

    assert (result.outcome, result.reason) == (FanoutOutcome.FAILURE, Reason.LOST_CONTACT)
    assert "the session continues; see: dx-dispatch --logs 1111" in str(result.error)


def test_a_key_that_is_revoked_meanwhile_is_told(follow: Follow) -> None:
    follow.jules.fail("GET", "1", Fault(status=401), times=1000)

    assert follow().reason is Reason.JULES_AUTH


def test_nothing_is_tried_again_past_the_deadline(follow: Follow) -> None:
    follow.jules.fail("GET", "1", Fault.quota("20"), times=1000)

    result = follow(timeout_sec=30)

    assert (result.outcome, sum(follow.clock.slept)) == (FanoutOutcome.FAILURE, 20)
    assert follow.client.deadline is None


def test_a_contact_that_is_lost_at_the_deadline_is_a_timeout(follow: Follow) -> None:
    follow.jules.states = ["IN_PROGRESS"]
    follow.jules.hook = lambda _method, _path, _phase: (
        follow.jules.fail("GET", "1", Fault(status=503)) if follow.clock.now >= 1099 else None
    )

    result = follow(timeout_sec=100)

    assert (result.outcome, result.reason) == (FanoutOutcome.TIMEOUT, Reason.DEADLINE)


def test_looking_once_is_no_waiting(follow: Follow) -> None:
    result = follow(wait=False)

    assert (result.outcome, result.session and result.session.state) == (None, "PLANNING")
    assert follow.clock.slept == []


def test_a_ctrl_c_only_stops_watching(follow: Follow) -> None:
    cancelled = threading.Event()
    cancelled.set()

    result = follow(cancelled=cancelled)

    assert (result.outcome, result.to_dict()["state"]) == (None, "running")


def test_a_message_that_sets_nothing_in_motion_is_told(follow: Follow) -> None:
    follow()
    former = follow.client.get(follow.id)
    follow.jules.resumes = False
    known = frozenset(each.name for each in follow.client.activities(former.id))

    result = follow.follower(former=former, known=known).run(former.id)

    assert (result.outcome, result.reason) == (FanoutOutcome.FAILURE, Reason.JULES_ERROR)
    assert "not reacted after 90 s; the session is still COMPLETED" in str(result.error)
