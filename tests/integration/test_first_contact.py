"""What the log says of a host's preflight, of which the first connection is a part."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dxansible.fleet import fanout_ssh
from tests.lab import Fault

if TYPE_CHECKING:
    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Lab, Vm

pytestmark = pytest.mark.resident

REFUSED = ("preflight_failed", "HOST_UNREACHABLE")
NO_LOGIN = ("preflight_failed", "AUTH_MODE_INVALID")
REACHED = ("preflight_ok", None)
RETRY = ("retry", None)


def log_of(user: Dispatcher, *arguments: str) -> dict[str, list[tuple[str, str | None]]]:
    """The events of each host, in their order, and the status in them."""
    answer = user.run(*arguments, env={"DX_LOG_FORMAT": "json"})
    events = [json.loads(line) for line in answer.err.splitlines() if line.startswith(b"{")]
    found: dict[str, list[tuple[str, str | None]]] = {}
    for event in events:
        found.setdefault(event.get("host", "-"), []).append((event["event"], event.get("status")))
    return found


def command(user: Dispatcher, *more: str) -> list[tuple[str, str | None]]:
    return log_of(user, "epyc6", "--exec", "true", *more)["epyc6"]


def test_a_command_s_preflight_is_not_passed_before_its_host_is_reached(
    user: Dispatcher, epyc6: Vm
) -> None:
    assert command(user) == [REACHED, ("success", None)]
    user.drop_connections()
    epyc6.fault(Fault.REFUSE)
    assert command(user) == [RETRY, REFUSED]
    assert command(user, "--retries", "0") == [REFUSED]


def test_a_host_that_is_reached_at_the_second_attempt_has_passed_then(
    user: Dispatcher, epyc6: Vm
) -> None:
    epyc6.cut_after(up=0)
    assert command(user) == [RETRY, REACHED, ("success", None)]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [(Fault.REFUSE_AUTH, "auth_failed"), (Fault.CHANGED_KEY, "host_key")],
    ids=["login", "host key"],
)
def test_who_is_not_let_in_has_not_passed(
    here: Dispatcher, epyc6: Vm, fault: Fault, reason: str
) -> None:
    epyc6.fault(fault)
    assert command(here) == [NO_LOGIN]
    lines: list[str] = []
    result = fanout_ssh("epyc6", "true", log_callback=lines.append)
    assert [line.split()[0] for line in lines] == ["preflight_failed"]
    assert (str(result.outcome), str(result.reason)) == ("PREFLIGHT_FAILED", reason)


def test_a_connection_that_is_lost_says_nothing_of_the_preflight(
    user: Dispatcher, epyc6: Vm
) -> None:
    (epyc6.home / ".bashrc").write_text("exit 255\n")
    try:
        assert command(user) == [RETRY, ("failure", None)]
    finally:
        (epyc6.home / ".bashrc").unlink()


def test_of_several_hosts_each_passes_when_it_is_reached(user: Dispatcher, lab: Lab) -> None:
    first = next(iter(lab.vms))
    lab.vms[first].fault(Fault.REFUSE)
    try:
        found = log_of(user, "all", "--exec", "true")
    finally:
        lab.vms[first].heal()
    assert found.pop(first) == [RETRY, REFUSED]
    assert found.keys() == set(lab.vms) - {first}
    for events in found.values():
        assert events == [REACHED, ("success", None)]


def test_so_it_is_with_an_agent_s_turn_and_with_a_call_that_asks_once(
    user: Dispatcher, epyc6: Vm
) -> None:
    status = user.run("epyc6", "--exec", "true", "--json").result["session_id"]
    found = log_of(user, "epyc6", "a task")["epyc6"]
    assert found[0] == REACHED
    user.drop_connections()
    epyc6.fault(Fault.REFUSE)
    assert log_of(user, "epyc6", "a task")["epyc6"] == [RETRY, REFUSED]
    assert log_of(user, "--status", "epyc6")["epyc6"] == [REFUSED]
    assert log_of(user, "--abort", status)["epyc6"] == [REFUSED, ("failure", None)]
