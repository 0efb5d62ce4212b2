# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller side of ``dxansible.fleet.preflight``; the module of that name documents it."""

from __future__ import annotations

import time
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.dxansible.fleet.plugins.plugin_utils import agents, checks, link, session
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper import Keeper, KeeperError
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
    "run_id": {"type": "str", "default": ""},
    "id_prefix": {"type": "str", "default": "cmd"},
    "timeout": {"type": "float", "default": 5.0},
    "checks": {"type": "bool", "default": True},
    "connect": {"type": "bool", "default": False},
    "batch_mode": {"type": "bool", "default": True},
    "agent": {"type": "str", "default": ""},
    "agents": {"type": "dict", "default": {}},
    "path": {"type": "list", "elements": "str", "default": []},
    "slack_channel": {"type": "str", "default": ""},
}


class ActionModule(ActionBase):  # type: ignore[misc] # ansible-core has no types
    """Checks one host and says in ``dx`` what was found; a failed check fails the task."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Make the checks; the first that fails decides."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(_SPEC)
        variables = task_vars or {}
        began = time.monotonic()
        name = str(variables["inventory_hostname"])
        target = link.describe(name, self._connection, variables)
        record: dict[str, Any] = {
            "kind": "preflight",
            "id": session.session_id(
                arguments["run_id"] or session.new_run_id(arguments["id_prefix"]), name
            ),
            "status": str(checks.Status.OK),
            "error": None,
            "user": target.user,
            "auth_mode": target.auth_mode,
            "address": target.address,
            "port": target.port,
            "aliases": list(map(str, variables.get("dx_aliases") or [])),
            "capabilities": list(map(str, variables.get("dx_capabilities") or [])),
            "connect": arguments["connect"],
            "attempts": 0,
            "latency_ms": None,
            "agent": arguments["agent"] or None,
            "agent_found": None,
            "agent_version": None,
            "load": None,
            "running": None,
            "slack_channel": arguments["slack_channel"] or None,
            "ssh": {},
            **_play(name, variables),
        }
        try:
            self._check(target, arguments, record)
        except checks.CheckFailure as failure:
            record |= {"status": str(failure.status), "error": failure.text}
            result |= {"failed": True, "msg": failure.text}
        else:
            result["msg"] = f"{name}: preflight passed"
        record["duration_ms"] = round((time.monotonic() - began) * 1000)
        return result | {"dx": record, "changed": False}

    def _check(
        self, target: checks.Target, arguments: dict[str, Any], record: dict[str, Any]
    ) -> None:
        timeout = arguments["timeout"]
        if arguments["checks"]:
            checks.check_mapping(target)
        ssh = link.ssh_config(target, self._connection, timeout)
        if ssh is not None:
            record["ssh"] = {"strict": ssh.strict}
            record["port"] = ssh.port
        if arguments["checks"]:
            reachable = ssh is not None and not ssh.proxied
            addresses = (
                checks.check_dns(target, ssh, timeout) if ssh is not None and reachable else []
            )
            try:
                checks.check_auth(target, ssh, timeout)
            except checks.CheckFailure:
                if reachable:
                    checks.check_tcp(target, addresses, timeout)
                raise
        if arguments["connect"]:
            self._connect_for_real(target, arguments, record)

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


def _play(name: str, variables: dict[str, Any]) -> dict[str, Any]:
    hosts = [str(host) for host in variables.get("ansible_play_hosts_all") or [name]]
    return {"host_count": len(hosts), "hosts": hosts if name == hosts[0] else None}
