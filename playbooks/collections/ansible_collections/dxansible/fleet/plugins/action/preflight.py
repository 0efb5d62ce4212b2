# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller side of ``dxansible.fleet.preflight``; the module of that name documents it."""

from __future__ import annotations

import time
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible_collections.dxansible.fleet.plugins.plugin_utils import agents, checks, link
from ansible_collections.dxansible.fleet.plugins.plugin_utils.given import complete, of_host
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper import (
    Keeper,
    KeeperError,
    Ping,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.preflight import (
    OPTIONS,
    STATUS,
    VARIABLES,
    Preflight,
)

_SPEC = {
    **OPTIONS,
    "timeout": {"type": "float", "default": 5.0},
    "connect": {"type": "bool", "default": False},
    "batch_mode": {"type": "bool", "default": True},
    "survey": {"type": "bool", "default": True},
    "agent": {"type": "str", "default": ""},
    "agents": {"type": "dict", "default": {}},
    "path": {"type": "list", "elements": "str", "default": []},
}
_VARIABLES = {
    **VARIABLES,
    "timeout": "dx_preflight_timeout",
    "batch_mode": "dx_batch_mode",
    "survey": "dx_survey",
    "agent": "dx_agent",
    "agents": "dx_agents",
    "path": "dx_path",
}


class ActionModule(ActionBase):  # type: ignore[misc] # ansible-core has no types
    """Checks one host and says in ``dx`` what was found; a failed check fails the task."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Make the checks; the first that fails decides."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        self._task.args = complete(self._templar, self._task.args, variables, _VARIABLES)
        _, arguments = self.validate_argument_spec(_SPEC)
        connect = arguments["connect"] and self._may_connect(variables)
        agent = _agent(arguments) if connect and arguments["survey"] else None
        found = of_host(self._templar, variables)
        preflight = Preflight(self._connection, found, arguments)
        preflight.record |= {"connect": connect, "agent": agent and agent.name}
        preflight.make(arguments["timeout"])
        if connect and preflight.failure is None:
            try:
                self._connect_for_real(preflight.target, agent, arguments, preflight.record)
            except checks.CheckFailure as failure:
                preflight.fail(failure)
            preflight.measure()
        if preflight.failure is not None:
            result |= {"failed": True, "msg": preflight.failure.text}
        else:
            result["msg"] = f"{preflight.target.name}: preflight passed"
        return result | {"dx": preflight.record, "changed": False}

    def _may_connect(self, variables: dict[str, Any]) -> bool:
        known = complete(self._templar, {}, variables, {"may": "dx_check_reachable"})
        return bool(boolean(known.get("may", True)))

    def _connect_for_real(
        self,
        target: checks.Target,
        agent: agents.Agent | None,
        arguments: dict[str, Any],
        record: dict[str, Any],
    ) -> None:
        timeout = arguments["timeout"]
        self._link = link.Link(
            self._connection,
            record["ssh"],
            connect_timeout=timeout,
            batch_mode=arguments["batch_mode"],
        )
        record["attempts"] = 1
        try:
            with link.guarded(timeout * 3 + 15):
                self._ask(agent, ":".join(arguments["path"]), record)
        except link.LinkError as error:
            raise checks.CheckFailure(
                STATUS[error.failure], link.explain(target.name, error)
            ) from error
        except link.CallTimeoutError as error:
            text = link.explain(target.name, error)
            raise checks.CheckFailure(checks.Status.TIMEOUT, text) from None
        except KeeperError as error:
            raise checks.CheckFailure(
                checks.Status.AUTH_MODE_INVALID, link.explain(target.name, error)
            ) from error

    def _ask(self, agent: agents.Agent | None, path: str, record: dict[str, Any]) -> None:
        """Ask for a sign of life, and in the same round trip how the host is, and its agent.

        How long the agent takes is none of the latency. Where the host can't say it, a second ping
        is timed.
        """
        if agent is None:
            record["latency_ms"], _ = self._ping()
            return
        argument = agent.version[1] if len(agent.version) > 1 else None
        latency, survey = self._ping(agent.program, path, argument)
        if survey.version_ms is None:
            latency, _ = self._ping()
        else:
            latency = max(0, latency - survey.version_ms)
        record |= {
            "latency_ms": latency,
            "load": survey.load,
            "running": survey.running,
            "agent_found": survey.found,
            "agent_version": survey.version,
        }

    def _ping(
        self, program: str | None = None, path: str = "", version: str | None = None
    ) -> tuple[int, Ping]:
        """Milliseconds that it took, and the answer."""
        began = time.monotonic()
        answer = Keeper(self._link).ping(program, path, version)
        return round((time.monotonic() - began) * 1000), answer


def _agent(arguments: dict[str, Any]) -> agents.Agent:
    try:
        known = agents.load_agents(arguments["agents"])
        return agents.choose(known, arguments["agent"] or "opencode")
    except agents.AgentError as error:
        raise AnsibleActionFail(str(error)) from error
