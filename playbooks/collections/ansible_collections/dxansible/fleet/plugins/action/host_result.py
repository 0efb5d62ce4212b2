# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller side of ``dxansible.fleet.host_result``; the module of that name documents it."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

_SPEC = {"register": {"type": "str", "required": True}}


class ActionModule(ActionBase):  # type: ignore[misc] # ansible-core has no types
    """Gives a host its own part of the result of a task that ran for all hosts."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Look up the host's result. It is never templated, because it contains output of hosts."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        _result, arguments = self.validate_argument_spec(_SPEC)
        host = str(variables["inventory_hostname"])
        record: dict[str, Any] = (variables.get(arguments["register"]) or {}).get("dx") or {}
        if host in record.get("hosts", {}):
            own: dict[str, Any] = record["hosts"][host]
            return result | own
        if host in record.get("failed", {}):
            return result | {"failed": True, "changed": False, "msg": record["failed"][host]}
        raise AnsibleActionFail(f"{arguments['register']} has no result of {host}")
