# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Drives the run of one host to its end, for the modules that other roles use."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from .broken import broken
from .fan import Fan
from .host_run import Crowd, HostRun
from .inputs import Inputs, Payload
from .play_hosts import one_run, plain, refuse_keywords, skipped, whole_preflight

__all__ = ["SoloAction"]

_PATIENCE = 3600.0


class SoloAction(ActionBase):  # type: ignore[misc] # ansible-core has no types
    """An action that runs its operation on the task's host, to the end."""

    operation: ClassVar[type[HostRun]]

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Run to the end. The result has the last record in ``dx``."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        host = str(variables["inventory_hostname"])
        refuse_keywords(self._task, self.operation)
        if self._task.check_mode and self.operation.starts_work:
            return result | skipped(self.operation)
        fan = Fan(1, broken)
        given = dict(self._task.args)
        payload = Payload(str(given.get("command_socket") or ""))
        if self.operation.runs_text:
            given.pop("command_socket", None)
        for option in self.operation.of_fan:
            if option in given:
                raise AnsibleActionFail(f"{option} is an option of dxansible.fleet.fan_out")
            given[option] = self.operation.spec[option]["default"]
        running = one_run(
            self.operation,
            host,
            given,
            connection=self._connection,
            templar=self._templar,
            variables=variables,
            inputs=Inputs(variables=plain(variables), payload=payload),
            crowd=Crowd(),
            check_mode=self._task.check_mode,
        )
        fan.add(host, lambda: running)
        record: dict[str, Any] = {}
        while fan.left:
            for _, news, _ in fan.news(_PATIENCE):
                record = news | whole_preflight(record, news)
        fan.close()
        if record["kind"] == "broken":
            raise AnsibleActionFail(record["error"])
        return result | fan.results[host] | {"dx": record}
