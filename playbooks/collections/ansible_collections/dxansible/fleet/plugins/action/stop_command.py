# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller side of ``dxansible.fleet.stop_command``; the module of that name documents it."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible_collections.dxansible.fleet.plugins.plugin_utils import (
    agents,
    finalize,
    link,
    session,
    turn,
    turn_ends,
    turn_verdict,
    verdict,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.call import (
    CALL_SPEC,
    CALL_VARIABLES,
    CallAction,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper import (
    ENDED,
    Keeper,
    KeeperError,
    Reply,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.turn_progress import turns_of

_SPEC = {
    **CALL_SPEC,
    "id": {"type": "str", "default": ""},
    "wait": {"type": "int", "default": 8},
    "turns": {"type": "bool", "default": False},
    "agents": {"type": "dict", "default": {}},
    "claim_ends": {"type": "bool", "default": False},
    "path": {"type": "list", "elements": "str", "default": []},
    "command_socket": {"type": "str", "default": ""},
}
_VARIABLES = {
    **CALL_VARIABLES,
    "agents": "dx_agents",
    "claim_ends": "dx_claim_ends",
    "path": "dx_path",
    "command_socket": "dx_command_socket",
}


class ActionModule(CallAction):
    """Stops one session, verified.

    Stopping what has ended already is no error, and reports how that ended.
    """

    spec: ClassVar = _SPEC
    variables: ClassVar = _VARIABLES
    kind: ClassVar = "stop"

    def _call(self, record: dict[str, Any]) -> dict[str, Any]:
        """Stop it and say what came of it; failed unless it is known to be gone."""
        name = self._arguments["id"]
        if not name:
            if not (self._arguments["preflight"] or {}).get("run_id"):
                raise AnsibleActionFail("one of the options id and preflight.run_id is needed")
            name = self._preflight_id
        state, totals = "unknown", None
        try:
            with link.guarded(self._timeout * 2 + self._arguments["wait"] + 15):
                reply, decided = self._stop(name)
        except (link.LinkError, link.CallTimeoutError, KeeperError) as error:
            said = str(error) or "no answer"
            text = f"{self._host}: could not be asked to stop the command ({said})"
            decided = verdict.Verdict(
                outcome="ABORTED", reason="aborted", error=text, stop_verified=False
            )
        else:
            if reply is not None and reply.state == "conflict":
                state = reply.state
            elif reply is not None:
                state, totals = reply.state, [reply.out_total, reply.err_total]
        record |= {"id": name, "state": state, "totals": totals} | decided.as_dict()
        if self._arguments["turns"] and self._arguments["claim_ends"]:
            record["ends"] = self._claim_ends(name)
        return {
            "failed": decided.stop_verified is False,
            "msg": decided.error or "",
            "changed": state == "aborted",
        }

    def _stop(self, name: str) -> tuple[Reply | None, verdict.Verdict]:
        """The answer of the VM, None if it has no turn of that session, and what it means."""
        keeper, about = Keeper(self._link), b""
        if self._arguments["command_socket"]:
            command = session.read_command({}, self._arguments["command_socket"])
            about = command.about(self._host, self._arguments["path"])
        if not self._arguments["turns"]:
            reply = keeper.abort(name, self._arguments["wait"], about)
            if reply.state == "conflict":
                return reply, verdict.conflict(self._host, name)
            return reply, self._judge(reply, verdict.from_reply(self._host, reply, None))
        known = agents.load_agents(self._arguments["agents"])
        turns = turns_of(keeper.list(name).sessions).get(name)
        if not turns:
            return None, turn_verdict.unknown(self._host, name)
        entry = (finalize.without_refused(turns) or turns)[-1][1]
        reply = keeper.abort(entry.name, self._arguments["wait"])
        own = verdict.from_reply(self._host, reply, None)
        if reply.state in {"exited", "idle"}:
            meta = turn.read_meta(entry.meta)
            agent = finalize.speaker(meta, known.get(str(meta.get("agent"))) or known["shell"])
            own, _ = turn_ends.read_end(self._host, keeper, entry, agent, meta)
        return reply, self._judge(reply, own)

    def _judge(self, reply: Reply, own: verdict.Verdict) -> verdict.Verdict:
        if reply.state == "aborted":
            return own
        if reply.state in ENDED:
            return verdict.had_ended(self._host, own)
        text = f"{self._host}: asked to stop, and not yet gone"
        return verdict.Verdict(outcome="ABORTED", reason="aborted", error=text, stop_verified=False)

    def _claim_ends(self, name: str) -> list[dict[str, Any]]:
        keeper = Keeper(self._link)
        try:
            known = agents.load_agents(self._arguments["agents"])
            with link.guarded(self._timeout * 2 + 15):
                turns = turns_of(keeper.list(name).sessions)
        except (agents.AgentError, link.LinkError, link.CallTimeoutError, KeeperError):
            return []  # the next client that sees the end will tell it
        return turn_ends.claim_ends(self._host, keeper, turns, known, connect_timeout=self._timeout)
