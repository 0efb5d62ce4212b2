"""A connection to this machine is used only where somebody has said that it is the host's."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.dxansible.fleet.plugins.plugin_utils.host_door import HostDoor
from ansible_collections.dxansible.fleet.plugins.plugin_utils.record import PreflightStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

OPTIONS = {"run_id": "", "id_prefix": "cmd", "checks": True, "slack_channel": ""}
HOST = {"inventory_hostname": "epyc6", "dx_hostnames": [socket.gethostname()]}
LOCAL = {"ansible_connection": "local"}


class Plugin:
    """A connection plugin without options."""

    def __init__(self, transport: str) -> None:
        self.transport = transport

    def get_option(self, option: str) -> Any:  # noqa: ANN401 - as Ansible's
        raise KeyError(option)


class Templates:
    """Knows no templates."""

    def template(self, value: object) -> object:
        return value


def door(
    variables: Mapping[str, Any], transport: str = "local", place: Mapping[str, Any] | None = None
) -> HostDoor:
    return HostDoor(Plugin(transport), Templates(), {**HOST, **variables}, place=place)


@pytest.mark.parametrize("checks", [True, False])
def test_a_local_connection_that_nobody_named_fails_the_check(*, checks: bool) -> None:
    found = door({}).check({**OPTIONS, "checks": checks}, 5)

    assert found.record["status"] == PreflightStatus.AUTH_MODE_INVALID
    assert found.record["error"].startswith("epyc6 would run on this machine")
    assert found.failure is not None
    assert found.record["duration_ms"] >= 0


def test_it_does_not_open_even_without_a_check() -> None:
    with pytest.raises(AnsibleActionFail, match="set ansible_connection: local in its host_vars"):
        door({}).open({}, connect_timeout=5, batch_mode=True)


def test_a_task_that_is_delegated_goes_by_the_variables_of_that_place() -> None:
    door({}, place=LOCAL).open({}, connect_timeout=5, batch_mode=True)

    with pytest.raises(AnsibleActionFail, match="epyc6 would run on this machine"):
        door(LOCAL, place={}).open({}, connect_timeout=5, batch_mode=True)


def test_a_host_that_is_named_local_is_used() -> None:
    named = door(LOCAL)
    named.open({}, connect_timeout=5, batch_mode=True)

    assert named.check(OPTIONS, 5).record["status"] == PreflightStatus.OK
