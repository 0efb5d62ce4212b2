# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller side of ``dxansible.fleet.list_sessions``; the module of that name documents it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible_collections.dxansible.fleet.plugins.plugin_utils import (
    agents,
    link,
    session,
    session_view,
    turn_ends,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.call import (
    CALL_SPEC,
    CALL_VARIABLES,
    CallAction,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper import Keeper, KeeperError
from ansible_collections.dxansible.fleet.plugins.plugin_utils.turn_progress import turns_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_SPEC = {
    **CALL_SPEC,
    "session": {"type": "str", "default": ""},
    "prefix": {"type": "str", "default": ""},
    "only": {"type": "str", "choices": ["", "agents", "commands"], "default": ""},
    "agents": {"type": "dict", "default": {}},
    "claim_ends": {"type": "bool", "default": False},
    "trail": {"type": "str", "default": ""},
    "thread": {"type": "str", "default": ""},
}
_VARIABLES = {
    **CALL_VARIABLES,
    "session": "dx_session",
    "prefix": "dx_prefix",
    "only": "dx_only",
    "agents": "dx_agents",
    "claim_ends": "dx_claim_ends",
    "trail": "dx_trail",
    "thread": "dx_trail_thread",
}


class ActionModule(CallAction):
    """Reads the agent sessions of one host."""

    spec: ClassVar = _SPEC
    variables: ClassVar = _VARIABLES
    kind: ClassVar = "sessions"

    def _call(self, record: dict[str, Any]) -> dict[str, Any]:
        """Read them, and say what there is; only notes are made, where asked for."""
        record |= {"sessions": [], "load": None, "error": None}
        try:
            known = agents.load_agents(self._arguments["agents"])
        except agents.AgentError as error:
            raise AnsibleActionFail(str(error)) from error
        try:
            self._read(Keeper(self._link), known, record)
        except (link.LinkError, link.CallTimeoutError, KeeperError) as error:
            record["error"] = link.explain(self._host, error)
        count = len(record["sessions"])
        return {
            "failed": record["error"] is not None,
            "msg": record["error"] or f"{self._host}: {count} sessions",
        }

    def _read(
        self, keeper: Keeper, known: Mapping[str, agents.Agent], record: dict[str, Any]
    ) -> None:
        arguments = self._arguments
        trail, thread = arguments["trail"], arguments["thread"]
        with link.guarded(self._timeout * 2 + 20):
            listing = keeper.list(
                arguments["session"] or None,
                prefix=arguments["prefix"],
                turns=arguments["only"] == "agents",
            )
            turns = turns_of(listing.sessions) if arguments["only"] != "commands" else {}
            record["load"] = listing.load
            record["sessions"] = [
                session_view.describe(
                    self._host,
                    name,
                    turns[name],
                    known,
                    listing.now,
                    lambda *turn: turn_ends.read_end(self._host, keeper, *turn)[0],
                )
                for name in turns
            ]
            if arguments["only"] != "agents":
                record["sessions"] += [
                    session_view.describe_command(self._host, entry, listing.now)
                    for entry in listing.sessions
                    if session.is_ours(entry.name)
                ]
            if trail and thread:
                turn_ends.note_thread(keeper, turns, trail, thread)
        if arguments["claim_ends"]:
            record["ends"] = turn_ends.claim_ends(
                self._host, keeper, turns, known, trail=trail, connect_timeout=self._timeout
            )
