# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller side of the modules for one host; ``meta/runtime.yml`` routes them here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.dxansible.fleet.plugins.plugin_utils.fan import Fan
from ansible_collections.dxansible.fleet.plugins.plugin_utils.host_door import HostDoor
from ansible_collections.dxansible.fleet.plugins.plugin_utils.host_run import Crowd
from ansible_collections.dxansible.fleet.plugins.plugin_utils.inputs import Inputs, Payload
from ansible_collections.dxansible.fleet.plugins.plugin_utils.operations import MODULES
from ansible_collections.dxansible.fleet.plugins.plugin_utils.play_hosts import (
    one_run,
    plain,
    refuse_keywords,
    skipped,
    variables_of,
    whole_preflight,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_PATIENCE = 3600.0


class ActionModule(ActionBase):  # type: ignore[misc] # ansible-core has no types
    """Drives the run of the task's host to its end."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Run to the end. The result has the last record in ``dx``."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        host = str(variables["inventory_hostname"])
        kind = MODULES[self._task.resolved_action.rpartition(".")[2]].run
        refuse_keywords(self._task, kind)
        if self._task.check_mode and kind.starts_work:
            return result | skipped(kind)
        fan = Fan(1)
        given = dict(self._task.args)
        payload = Payload(str(given.get("command_socket") or ""))
        if kind.runs_text:
            given.pop("command_socket", None)
        for option in kind.of_fan:
            if option in given:
                raise AnsibleActionFail(f"{option} is an option of dxansible.fleet.fan_out")
            given[option] = kind.spec[option]["default"]
        door = HostDoor(self._connection, self._templar, variables, place=self._place(variables))
        running = one_run(
            kind,
            host,
            given,
            door=door,
            templar=self._templar,
            variables=variables,
            inputs=Inputs(variables=plain(variables), payload=payload),
            crowd=Crowd(),
            check_mode=self._task.check_mode,
        )
        fan.add(host, lambda: running)
        record: dict[str, Any] = {}
        while fan.left:
            for _host, news in fan.news(_PATIENCE):
                record = news | whole_preflight(record, news)
        fan.close()
        if record["kind"] == "broken":
            raise AnsibleActionFail(record["error"])
        return result | fan.results[host] | _lines(fan.results[host]) | {"dx": record}

    def _place(self, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        """The variables of the host that the connection leads to."""
        delegated = variables.get("ansible_delegated_vars") or {}
        place: Mapping[str, Any] | None = delegated.get(self._task.delegate_to)
        if place is None:
            host = str(variables["inventory_hostname"])
            place = variables_of(self._task, variables["hostvars"], host)
        return place


def _lines(result: dict[str, Any]) -> dict[str, list[str]]:
    """The lines of the output, as Ansible adds them to the results of its own modules."""
    return {
        f"{name}_lines": result[name].splitlines()
        for name in ("stdout", "stderr")
        if name in result
    }
