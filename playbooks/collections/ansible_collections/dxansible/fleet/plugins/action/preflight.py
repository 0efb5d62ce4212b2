# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller side of ``dxansible.fleet.preflight``; the module of that name documents it."""

from __future__ import annotations

import time
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.dxansible.fleet.plugins.plugin_utils import agents, checks, link
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper import Keeper, KeeperError
from ansible_collections.dxansible.fleet.plugins.plugin_utils.preflight import OPTIONS, Preflight
from ansible_collections.dxansible.fleet.plugins.plugin_utils.ssh_errors import SshFailure

_STATUS = {
    SshFailure.UNRESOLVABLE: checks.Status.HOST_UNRESOLVABLE,
    SshFailure.UNREACHABLE: checks.Status.HOST_UNREACHABLE,
    SshFailure.CONNECT_TIMEOUT: checks.Status.TIMEOUT,
    SshFailure.HOST_KEY: checks.Status.AUTH_MODE_INVALID,
    SshFailure.AUTH: checks.Status.AUTH_MODE_INVALID,
    SshFailure.LOST: checks.Status.HOST_UNREACHABLE,
}


_SPEC = {
    **OPTIONS,
    "timeout": {"type": "float", "default": 5.0},
    "connect": {"type": "bool", "default": False},
    "batch_mode": {"type": "bool", "default": True},
    "agent": {"type": "str", "default": ""},
    "agents": {"type": "dict", "default": {}},
    "path": {"type": "list", "elements": "str", "default": []},
}


class ActionModule(ActionBase):  # type: ignore[misc] # ansible-core has no types
    """Checks one host and says in ``dx`` what was found; a failed check fails the task."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Make the checks; the first that fails decides."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(_SPEC)
        preflight = Preflight(self._connection, task_vars or {}, arguments)
        preflight.record |= {"connect": arguments["connect"], "agent": arguments["agent"] or None}
        preflight.make(arguments["timeout"])
        if arguments["connect"] and preflight.failure is None:
            try:
                self._connect_for_real(preflight.target, arguments, preflight.record)
            except checks.CheckFailure as failure:
                preflight.fail(failure)
            preflight.measure()
        if preflight.failure is not None:
            result |= {"failed": True, "msg": preflight.failure.text}
        else:
            result["msg"] = f"{preflight.target.name}: preflight passed"
        return result | {"dx": preflight.record, "changed": False}

    def _connect_for_real(
        self, target: checks.Target, arguments: dict[str, Any], record: dict[str, Any]
    ) -> None:
        timeout = arguments["timeout"]
        link.harden(
            self._connection,
            record["ssh"],
            connect_timeout=timeout,
            batch_mode=arguments["batch_mode"],
        )
        record["attempts"] = 1
        began = time.monotonic()
        try:
            with link.guarded(timeout * 3 + 15):
                Keeper(self._connection).ping()
            record["latency_ms"] = round((time.monotonic() - began) * 1000)
            with link.guarded(timeout * 3 + 15):
                self._survey(arguments, record)
        except link.LinkError as error:
            raise checks.CheckFailure(
                _STATUS[error.failure], link.explain(target.name, error)
            ) from error
        except link.CallTimeoutError as error:
            text = link.explain(target.name, error)
            raise checks.CheckFailure(checks.Status.TIMEOUT, text) from None
        except KeeperError as error:
            raise checks.CheckFailure(
                checks.Status.AUTH_MODE_INVALID, link.explain(target.name, error)
            ) from error

    def _survey(self, arguments: dict[str, Any], record: dict[str, Any]) -> None:
        """Ask the VM about its load, what runs there, and its agent, where one is named."""
        if not arguments["agent"]:
            return
        try:
            agent = agents.choose(agents.load_agents(arguments["agents"]), arguments["agent"])
        except agents.AgentError as error:
            raise AnsibleActionFail(str(error)) from error
        survey = Keeper(self._connection).ping(
            program=agent.program,
            path=":".join(arguments["path"]),
            version=agent.version[1] if len(agent.version) > 1 else None,
        )
        record |= {
            "load": survey.load,
            "running": survey.running,
            "agent_found": survey.found,
            "agent_version": survey.version,
        }
