"""Rules of what Jules' failures are to the user."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dxansible.errors import ServiceError
from dxansible.jules.client import JulesClient
from dxansible.record import Reason
from tests.services.jules import Fault, status_body

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.services import JulesServer
    from tests.unit.clock import Clock

INVALID = status_body(
    400,
    "INVALID_ARGUMENT",
    "Request contains an invalid argument.",
    fieldViolations=[{"field": "session.automation_mode", "description": "Invalid value"}],
)
KEY_INVALID = status_body(
    400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.",
    reason="API_KEY_INVALID",
)  # fmt: skip
FAILURES: dict[str, tuple[Fault, Reason, str]] = {
    "401": (
        Fault(status=401, body=status_body(401, "UNAUTHENTICATED", "API keys are not supported")),
        Reason.JULES_AUTH,
        "JULES_API_KEY is not a Jules API key (UNAUTHENTICATED API keys are not supported); create",
    ),
    "401 empty": (Fault(status=401), Reason.JULES_AUTH, "is not a Jules API key (no message)"),
    "400 key": (Fault(status=400, body=KEY_INVALID), Reason.JULES_AUTH, "JULES_API_KEY is not val"),
    "400": (
        Fault(status=400, body=INVALID),
        Reason.JULES_ERROR,
        "contains an invalid argument.; session.automation_mode: Invalid value)",
    ),
    "403": (
        Fault(status=403, body=status_body(403, "PERMISSION_DENIED", "Not for you")),
        Reason.JULES_AUTH,
        "which may be disabled (PERMISSION_DENIED Not for you); create a key",
    ),
    "404": (Fault(status=404), Reason.JULES_ERROR, "Jules has no sessions (no message)"),
    "418": (Fault(status=418, body=b"tea"), Reason.JULES_ERROR, "(HTTP 418: tea)"),
    "429": (Fault.quota(), Reason.JULES_QUOTA, "the Jules quota is used up (RESOURCE_EXHAUSTED"),
    "429 for long": (Fault.quota("3600"), Reason.JULES_QUOTA, "retry after 3600 s ("),
    "500 page": (Fault.page(500), Reason.JULES_ERROR, "has a server error (HTTP 500: a web page)"),
    "200 page": (Fault.page(200), Reason.JULES_ERROR, "is not JSON: a web page"),
    "200 list": (Fault(status=200, body=b"[]"), Reason.JULES_ERROR, "not JSON"),
    "200 binary": (Fault(status=200, body=b"\xff\x00"), Reason.JULES_ERROR, "not JSON"),
    "redirect": (
        Fault(status=302, headers={"Location": "https://elsewhere.example/login"}),
        Reason.JULES_ERROR,
        "redirects to elsewhere.example, and the key is not sent there; correct DX_JULES_URL",
    ),
    "dropped": (Fault(), Reason.JULES_ERROR, "can't be reached (the connection was lost)"),
    "slow": (Fault(delay=0.6), Reason.JULES_ERROR, "can't be reached (the request timed out)"),
}


@pytest.mark.parametrize(("fault", "reason", "text"), FAILURES.values(), ids=FAILURES.keys())
def test_each_failure_has_its_own_message(
    jules: JulesServer, client: JulesClient, fault: Fault, reason: Reason, text: str
) -> None:
    client.read_seconds = 0.2
    jules.fail("GET", "sessions", fault, times=10)

    with pytest.raises(ServiceError) as raised:
        client.sessions()

    assert text in str(raised.value)
    assert raised.value.reason is reason
    again = fault.status in {429, 500, None} and "3600" not in fault.headers.values()
    assert jules.count("GET", "sessions") == (6 if again else 1)


def test_the_key_is_in_no_message(jules: JulesServer, client: JulesClient) -> None:
    text = f"API key {jules.key} was reported as leaked"
    jules.fail("GET", "sessions", Fault(status=403, body=status_body(403, "X", text)))

    with pytest.raises(ServiceError) as raised:
        client.sessions()

    assert jules.key not in repr(raised.value) + repr(client)


def test_nothing_listens(client: JulesClient, jules: JulesServer, clock: Clock) -> None:
    client.url = "http://127.0.0.1:9"
    with pytest.raises(ServiceError, match=r"can't be reached \(no connection\)"):
        client.sessions()
    clock.slept.clear()

    with pytest.raises(ServiceError, match="can't be reached") as raised:
        client.write("sessions", {})
    assert (raised.value.reason, len(clock.slept)) == (Reason.JULES_ERROR, 5)
    assert not jules.requests


@pytest.mark.parametrize("key", ["a\nb", "schlüssel—"])
def test_a_key_that_no_header_can_hold(jules: JulesServer, key: str) -> None:
    with pytest.raises(ServiceError, match="has characters that no key can have") as raised:
        JulesClient(jules.url, key).read("sessions")

    assert raised.value.reason is Reason.JULES_AUTH


def test_an_answer_that_never_ends_is_given_up(
    jules: JulesServer, client: JulesClient, clock: Clock
) -> None:
    jules.fail("GET", "sessions", Fault(status=200, body=b"[" * 200_000), times=10)
    times: Callable[[], float] = iter(range(0, 10**9, 50)).__next__
    client.clock = times

    with pytest.raises(ServiceError, match="the request timed out"):
        client.sessions()
    assert clock.slept


def test_pages_that_go_in_circles_end(jules: JulesServer, client: JulesClient) -> None:
    page = b'{"sessions": [{"id": "1"}, 7], "nextPageToken": "again"}'
    jules.fail("GET", "sessions", Fault(status=200, body=page), times=50)

    assert [each.id for each in client.sessions()] == ["1", "1"]
