# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller side of ``dxansible.fleet.list_sessions``; the module of that name documents it."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.dxansible.fleet.plugins.plugin_utils import (
    agents,
    link,
    session_view,
    turn_ends,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper import Keeper, KeeperError
from ansible_collections.dxansible.fleet.plugins.plugin_utils.turn_progress import turns_of

_SPEC = {
    "session": {"type": "str", "default": ""},
    "agents": {"type": "dict", "default": {}},
    "connect_timeout": {"type": "float", "default": 5.0},
    "ssh": {"type": "dict", "default": {}},
    "batch_mode": {"type": "bool", "default": True},
    "claim_ends": {"type": "bool", "default": False},
    "trail": {"type": "str", "default": ""},
    "thread": {"type": "str", "default": ""},
}


class ActionModule(ActionBase):  # type: ignore[misc] # ansible-core has no types
    """Reads the agent sessions of one host."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Read them, and say in ``dx`` what there is; only notes are made, where asked for."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(_SPEC)
        host = str((task_vars or {})["inventory_hostname"])
        timeout = arguments["connect_timeout"]
        link.harden(
            self._connection,
            arguments["ssh"],
            connect_timeout=timeout,
            batch_mode=arguments["batch_mode"],
        )
        record: dict[str, Any] = {"kind": "sessions", "sessions": [], "load": None, "error": None}
        try:
            known = agents.load_agents(arguments["agents"])
            keeper = Keeper(self._connection)
            with link.guarded(timeout * 2 + 20):
                listing = keeper.list(arguments["session"] or None)
                turns = turns_of(listing.sessions)
                record["load"] = listing.load
                record["sessions"] = [
                    session_view.describe(
                        host,
                        name,
                        turns[name],
                        known,
                        listing.now,
                        lambda key: _errors(keeper, key),
                    )
                    for name in turns
                ]
                if arguments["trail"] and arguments["thread"]:
                    turn_ends.note_thread(keeper, turns, arguments["trail"], arguments["thread"])
            if arguments["claim_ends"]:
                record["ends"] = turn_ends.claim_ends(
                    host, keeper, turns, known, trail=arguments["trail"], connect_timeout=timeout
                )
        except agents.AgentError as error:
            raise AnsibleActionFail(str(error)) from error
        except (link.LinkError, link.CallTimeoutError, KeeperError) as error:
            record["error"] = link.explain(host, error)
        failed = record["error"] is not None
        message = record["error"] or f"{host}: {len(record['sessions'])} sessions"
        return result | {"failed": failed, "msg": message, "dx": record, "changed": False}


def _errors(keeper: Keeper, key: str) -> bytes:
    return keeper.poll(key, {"out": 10**17, "chunk": 65536}).err
