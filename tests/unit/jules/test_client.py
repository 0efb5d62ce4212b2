"""Rules of asking Jules: what is created once, what is sent again, and what each failure says."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from dxansible.errors import ServiceError, UsageError
from dxansible.jules.model import CreateRequest
from dxansible.record import Reason
from tests.services.jules import Fault, status_body

if TYPE_CHECKING:
    from dxansible.jules.client import JulesClient
    from tests.services import JulesServer
    from tests.unit.clock import Clock

MARKER = "dx-0123456789abcdef"
REQUEST = CreateRequest(
    prompt="Mend it",
    title=f"bd-1: Mend it [{MARKER}]",
    marker=MARKER,
    repository="acme/widget",
    branch=None,
)


def test_a_create_asks_for_a_pull_request_on_the_default_branch(
    jules: JulesServer, client: JulesClient
) -> None:
    created = client.create(REQUEST)

    assert (created.attached, created.session.state) == (False, "QUEUED")
    assert jules.requests[-1][2] == {
        "prompt": "Mend it",
        "title": REQUEST.title,
        "sourceContext": {
            "source": "sources/github/acme/widget",
            "githubRepoContext": {"startingBranch": "main"},
        },
        "requirePlanApproval": False,
        "automationMode": "AUTO_CREATE_PR",
    }


def test_the_same_request_is_attached_to(jules: JulesServer, client: JulesClient) -> None:
    first = client.create(REQUEST)

    again = client.create(REQUEST, before=lambda: pytest.fail("it was about to be created"))

    assert (again.attached, again.session.id) == (True, first.session.id)
    assert jules.count("POST", "sessions") == 1


@pytest.mark.parametrize("gone", [{"state": "FAILED"}, {"archived": True}])
def test_what_failed_or_was_archived_may_be_created_anew(
    jules: JulesServer, client: JulesClient, gone: dict[str, object]
) -> None:
    first = client.create(REQUEST).session.id
    jules.sessions[first].update(gone)

    assert client.create(REQUEST).session.id != first


DAY = replace(REQUEST, attach_age_sec=86400.0)


def ended(jules: JulesServer, seconds: float, **changes: object) -> str:
    """A session of the request that was created long ago, and ended then."""
    _, body = jules.answer("POST", "sessions", {}, {"prompt": "Mend it", "title": REQUEST.title})
    name = str(json.loads(body)["id"])
    moment = datetime.fromtimestamp(time.time() - seconds, UTC).isoformat()
    jules.sessions[name].update({
        "state": "COMPLETED", "createTime": "2025-01-01T00:00:00Z",
        "updateTime": moment.replace("+00:00", "Z"), **changes,
    })  # fmt: skip
    return name


def test_a_session_that_ended_long_ago_is_not_attached_to(
    jules: JulesServer, client: JulesClient
) -> None:
    old = ended(jules, 86_500)

    assert client.create(DAY).session.id != old
    assert client.create(replace(DAY, attach_age_sec=90_000.0)).attached
    jules.sessions.clear()
    old = ended(jules, 86_300)
    created = client.create(DAY)
    assert (created.session.id, created.attached) == (old, True)
    assert 86_300 <= (created.age_sec or 0) < 86_400


def test_without_a_limit_the_end_may_be_any_time_ago(
    jules: JulesServer, client: JulesClient
) -> None:
    old = ended(jules, 10**7)

    assert client.create(REQUEST).session.id == old


@pytest.mark.parametrize("limit", [86400.0, 0.0])
def test_a_session_that_has_not_ended_is_attached_to_however_old_it_is(
    jules: JulesServer, client: JulesClient, limit: float
) -> None:
    old = ended(jules, 10**7, state="IN_PROGRESS")

    created = client.create(replace(DAY, attach_age_sec=limit))

    assert (created.session.id, created.attached) == (old, True)
    assert (created.age_sec or 0) > 10**7


@pytest.mark.parametrize("moment", ["", "yesterday", None])
def test_a_session_that_ended_nobody_knows_when_is_not_attached_to(
    jules: JulesServer, client: JulesClient, moment: str | None
) -> None:
    old = ended(jules, 1, updateTime=moment, createTime=moment)

    assert client.create(DAY).session.id != old


def test_after_an_unclear_create_a_session_of_long_ago_is_not_taken_for_the_new_one(
    jules: JulesServer, client: JulesClient
) -> None:
    old = ended(jules, 86_500)
    jules.fail("POST", "sessions", Fault(after=True))

    created = client.create(DAY)

    assert (created.session.id != old, created.attached) == (True, False)
    assert len(jules.sessions) == 2


def test_the_session_is_found_on_a_later_page(jules: JulesServer, client: JulesClient) -> None:
    first = client.create(REQUEST).session.id
    for number in range(5):
        jules.answer("POST", "sessions", {}, {"prompt": "x", "title": f"other {number}"})
    jules.page_size = 2

    assert client.create(REQUEST).session.id == first


UNCLEAR = {
    "dropped": Fault(after=True),
    "502 page": Fault.page(502, after=True),
    "500": Fault(status=500, body=status_body(500, "INTERNAL", "Internal error"), after=True),
    "503": Fault(status=503, after=True),
    "504": Fault(status=504, after=True),
    "200 page": Fault.page(200, after=True),
    "200 without a session": Fault(status=200, body=b"{}", after=True),
}


@pytest.mark.parametrize("fault", UNCLEAR.values(), ids=UNCLEAR.keys())
def test_an_unclear_create_that_took_effect_is_found_and_not_repeated(
    jules: JulesServer, client: JulesClient, fault: Fault
) -> None:
    jules.fail("POST", "sessions", fault)

    created = client.create(REQUEST)

    assert not created.attached
    assert list(jules.sessions) == [created.session.id]
    assert jules.count("POST", "sessions") == 1


def test_an_unclear_create_is_looked_for_until_it_must_have_shown(
    jules: JulesServer, client: JulesClient, clock: Clock
) -> None:
    jules.fail("POST", "sessions", Fault())

    def show_late(method: str, _path: str, phase: str) -> None:
        if (method, phase, len(clock.slept)) == ("GET", "before", 3):
            jules.answer("POST", "sessions", {}, {"prompt": "x", "title": REQUEST.title})

    jules.hook = show_late

    created = client.create(REQUEST)

    assert list(jules.sessions) == [created.session.id]
    assert clock.slept == [2, 5, 10]


def test_a_create_that_jules_answered_with_trouble_is_repeated_once_it_is_absent(
    jules: JulesServer, client: JulesClient
) -> None:
    jules.fail("POST", "sessions", Fault(status=503))

    client.create(REQUEST)

    assert (len(jules.sessions), jules.count("POST", "sessions")) == (1, 2)


def test_the_second_create_is_looked_for_like_the_first_and_there_is_no_third(
    jules: JulesServer, client: JulesClient
) -> None:
    jules.fail("POST", "sessions", Fault(status=503))
    jules.fail("POST", "sessions", Fault(after=True))
    assert client.create(REQUEST).session.id in jules.sessions
    assert (len(jules.sessions), jules.count("POST", "sessions")) == (1, 2)

    jules.sessions.clear()
    jules.fail("POST", "sessions", Fault(status=503), times=2)
    with pytest.raises(ServiceError) as raised:
        client.create(REQUEST)
    assert raised.value.reason is Reason.CREATE_UNCLEAR
    assert jules.count("POST", "sessions") == 4


@pytest.mark.parametrize("fault", [Fault(), Fault.page(502), Fault(status=504)])
def test_a_create_that_may_still_arrive_is_not_repeated(
    jules: JulesServer, client: JulesClient, fault: Fault
) -> None:
    jules.fail("POST", "sessions", fault)

    with pytest.raises(
        ServiceError, match="it is unknown whether the session was created"
    ) as raised:
        client.create(REQUEST)

    assert raised.value.reason is Reason.CREATE_UNCLEAR
    assert jules.count("POST", "sessions") == 1


def test_a_create_is_not_repeated_while_nobody_can_look(
    jules: JulesServer, client: JulesClient
) -> None:
    client.create(REQUEST, before=lambda: None)
    jules.sessions.clear()
    jules.fail("POST", "sessions", Fault(status=503))
    jules.hook = lambda method, path, phase: (
        jules.fail("GET", "sessions", Fault.page(500), times=30)
        if (method, path, phase) == ("POST", "sessions", "before")
        else None
    )

    with pytest.raises(ServiceError) as raised:
        client.create(REQUEST)

    assert raised.value.reason is Reason.CREATE_UNCLEAR
    assert jules.count("POST", "sessions") == 2


@pytest.mark.parametrize("given", [None, "7", "Wed, 21 Oct 2015 07:28:00 GMT", "soon"])
def test_a_create_is_sent_again_after_429(
    jules: JulesServer, client: JulesClient, clock: Clock, given: str | None
) -> None:
    jules.fail("POST", "sessions", Fault.quota(given), times=2)

    client.create(REQUEST)

    assert jules.count("POST", "sessions") == 3
    assert clock.slept == {"7": [7, 7], None: [1, 2], "soon": [1, 2]}.get(given, [0, 0])


def test_reads_are_sent_again_and_writes_are_not(
    jules: JulesServer, client: JulesClient, clock: Clock
) -> None:
    session = client.create(REQUEST).session.id
    jules.fail("GET", session, Fault.page(503), times=2)
    jules.fail("GET", session, Fault())

    assert client.get(session).id == session
    assert clock.slept == [1, 2, 4]

    jules.fail("POST", ":sendMessage", Fault(after=True))
    with pytest.raises(ServiceError, match="may have been sent"):
        client.send_message(session, "more")
    assert jules.messages == [(session, "more")]


def test_what_does_no_harm_twice_is_sent_again(jules: JulesServer, client: JulesClient) -> None:
    session = client.create(REQUEST).session.id
    jules.fail("POST", ":archive", Fault(after=True))

    client.archive(session)
    assert jules.sessions[session]["archived"]

    jules.fail("POST", ":approvePlan", Fault.page(500), times=9)
    with pytest.raises(ServiceError, match="HTTP 500"):
        client.approve(session)
    assert jules.count("POST", ":approvePlan") == 3


def test_the_name_of_a_source_is_jules_own(jules: JulesServer, client: JulesClient) -> None:
    jules.sources.insert(0, {"name": "sources/other", "id": "x"})
    jules.sources[1]["name"] = "sources/github-acme-widget"
    jules.sources[1]["githubRepo"]["owner"] = "ACME"
    jules.page_size = 1

    assert client.find_source("acme/Widget").name == "sources/github-acme-widget"


def test_a_repository_without_the_app_is_told_apart(client: JulesClient) -> None:
    with pytest.raises(ServiceError, match="install the Jules GitHub App") as raised:
        client.find_source("acme/other")

    assert raised.value.reason is Reason.NO_SOURCE


def test_without_a_default_branch_one_has_to_be_given(
    jules: JulesServer, client: JulesClient
) -> None:
    del jules.sources[0]["githubRepo"]["defaultBranch"]

    with pytest.raises(UsageError, match="name one with --branch"):
        client.create(REQUEST)


def test_a_session_is_not_found_at_once(jules: JulesServer, client: JulesClient) -> None:
    jules.fresh_404 = 3
    session = client.create(REQUEST).session.id

    assert client.activities(session) == []
    assert client.get(session, fresh=True).id == session
    with pytest.raises(UsageError, match="Jules has no session 123"):
        client.get("123")
