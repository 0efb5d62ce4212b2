# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller side of ``dxansible.fleet.stop_command``; the module of that name documents it."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.dxansible.fleet.plugins.plugin_utils import (
    agents,
    link,
    turn_ends,
    turn_verdict,
    verdict,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper import (
    ENDED,
    Keeper,
    KeeperError,
    Reply,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.turn_progress import turns_of

_SPEC = {
    "id": {"type": "str", "required": True},
    "connect_timeout": {"type": "float", "default": 5.0},
    "wait": {"type": "int", "default": 8},
    "ssh": {"type": "dict", "default": {}},
    "turns": {"type": "bool", "default": False},
    "agents": {"type": "dict", "default": {}},
    "claim_ends": {"type": "bool", "default": False},
}


class ActionModule(ActionBase):  # type: ignore[misc] # ansible-core has no types
    """Stops one session, verified.

    Stopping what has ended already is no error, and reports how that ended.
    """

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Stop it and say in ``dx`` what came of it; failed unless it is known to be gone."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(_SPEC)
        host = str((task_vars or {})["inventory_hostname"])
        link.harden(
            self._connection,
            arguments["ssh"],
            connect_timeout=arguments["connect_timeout"],
            batch_mode=True,
        )
        state, totals = "unknown", None
        try:
            with link.guarded(arguments["connect_timeout"] * 2 + arguments["wait"] + 15):
                reply = self._stop(arguments)
        except (link.LinkError, link.CallTimeoutError, KeeperError) as error:
            text = f"{host}: could not be asked to stop the command ({str(error) or 'no answer'})"
            decided = verdict.Verdict(
                outcome="ABORTED", reason="aborted", error=text, stop_verified=False
            )
        else:
            if reply is None:
                decided = turn_verdict.unknown(host, arguments["id"])
            else:
                state, totals = reply.state, [reply.out_total, reply.err_total]
                ended = state in ENDED
                decided = verdict.from_reply(host, reply, None) if ended else _unfinished(host)
        record = {"kind": "stop", "id": arguments["id"], "state": state, "totals": totals}
        record |= decided.as_dict()
        if arguments["turns"] and arguments["claim_ends"]:
            record["ends"] = self._claim_ends(host, arguments)
        verified = decided.outcome != "ABORTED" or bool(decided.stop_verified)
        return result | {
            "failed": not verified,
            "msg": decided.error or "",
            "dx": record,
            "changed": state == "aborted",
        }

    def _claim_ends(self, host: str, arguments: dict[str, Any]) -> list[dict[str, Any]]:
        keeper, timeout = Keeper(self._connection), arguments["connect_timeout"]
        try:
            known = agents.load_agents(arguments["agents"])
            with link.guarded(timeout * 2 + 15):
                turns = turns_of(keeper.list(arguments["id"]).sessions)
        except (agents.AgentError, link.LinkError, link.CallTimeoutError, KeeperError):
            return []  # the next client that sees the end will tell it
        return turn_ends.claim_ends(host, keeper, turns, known, connect_timeout=timeout)

    def _stop(self, arguments: dict[str, Any]) -> Reply | None:
        """The answer of the VM; None if it has no turn of that session."""
        keeper, name = Keeper(self._connection), arguments["id"]
        if arguments["turns"]:
            turns = turns_of(keeper.list(name).sessions).get(name)
            if not turns:
                return None
            name = turns[-1][1].name
        return keeper.abort(name, arguments["wait"])


def _unfinished(host: str) -> verdict.Verdict:
    text = f"{host}: asked to stop, and not yet gone"
    return verdict.Verdict(outcome="ABORTED", reason="aborted", error=text, stop_verified=False)
