"""Rules of the run that only checks a host, by what a real connection to it comes to."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.check_run import CheckRun
from ansible_collections.dxansible.fleet.plugins.plugin_utils.host_door import HostDoor
from ansible_collections.dxansible.fleet.plugins.plugin_utils.host_run import Ask, Crowd
from ansible_collections.dxansible.fleet.plugins.plugin_utils.inputs import Inputs
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_reply import (
    CutShortError,
    KeeperError,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.link import (
    CallTimeoutError,
    LinkError,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.preflight import Preflight
from ansible_collections.dxansible.fleet.plugins.plugin_utils.ssh_errors import SshFailure

CHECKS = {"run_id": "", "id_prefix": "cmd", "checks": False, "slack_channel": ""}


class Door(HostDoor):
    """The checks pass, and the connection fails as the test says."""

    reached = False
    failure: SshFailure | None = None

    def __init__(self, error: Exception) -> None:
        self._error = error
        self.keeper: Any = self

    def check(self, _options: object, _seconds: float) -> Preflight:
        connection = SimpleNamespace(transport="other", get_option=lambda _name: None)
        return Preflight(connection, {"inventory_hostname": "epyc6"}, CHECKS)

    def open(self, *_arguments: object, **_options: object) -> None:
        return

    def terminal(self) -> None:
        return

    def ping(self, *_arguments: object, **_options: object) -> None:
        raise self._error


def record(error: Exception, door: Door | None = None, **given: object) -> dict[str, Any]:
    options = {name: each.get("default") for name, each in CheckRun.spec.items()}
    options |= {"connect": True, "survey": False} | given
    door = door or Door(error)
    steps = CheckRun("epyc6", options, Inputs(variables={}), Crowd(), door).steps()
    step = next(steps)
    while True:
        assert isinstance(step, Ask)
        try:
            try:
                answer = step.make(door)
            except Exception as failure:  # noqa: BLE001 - the run's own business
                step = steps.throw(failure)
            else:
                step = steps.send(answer)
        except StopIteration as end:
            found: dict[str, Any] = end.value["dx"]
            return found


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (CutShortError("the answer was cut short"), "HOST_UNREACHABLE", "the answer was cut short"),
        (LinkError(SshFailure.LOST, "gone"), "HOST_UNREACHABLE", "gone"),
        (KeeperError("no such shell"), "AUTH_MODE_INVALID", "no such shell"),
        (CallTimeoutError(), "TIMEOUT", "accepts the connection, but its shell does not answer"),
    ],
)
def test_a_connection_that_fails_is_a_check_that_fails(
    error: Exception, status: str, text: str
) -> None:
    found = record(error)

    assert (found["status"], found["attempts"]) == (status, 1)
    assert str(found["error"]).endswith(text)


@pytest.mark.parametrize(("version", "argument"), [(True, "--version"), (False, None)])
def test_an_agent_prints_its_version_only_where_that_is_asked_for(
    version: bool,  # noqa: FBT001 - a parameter of the test
    argument: str | None,
) -> None:
    door = Door(KeeperError("enough"))
    pings: list[tuple[object, ...]] = []

    def ping(*arguments: object, **_options: object) -> None:
        pings.append(arguments)
        raise KeeperError("enough")

    door.ping = ping  # type: ignore[method-assign] # the double's own
    record(KeeperError("enough"), door, survey=True, version=version)

    assert pings == [("opencode", "", argument)]
