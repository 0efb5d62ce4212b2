# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller side of ``dxansible.fleet.clean_sessions``; the module of that name documents it."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.dxansible.fleet.plugins.plugin_utils import link
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper import Keeper, KeeperError

_SPEC = {
    "age": {"type": "int", "default": 30},
    "connect_timeout": {"type": "float", "default": 5.0},
    "ssh": {"type": "dict", "default": {}},
}


class ActionModule(ActionBase):  # type: ignore[misc] # ansible-core has no types
    """Removes ended sessions of one host, and their worktrees where no work is lost by it."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Remove them, and say in ``dx`` what was removed and what was kept, and why."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(_SPEC)
        host = str((task_vars or {})["inventory_hostname"])
        timeout = arguments["connect_timeout"]
        link.harden(self._connection, arguments["ssh"], connect_timeout=timeout, batch_mode=True)
        record: dict[str, Any] = {"kind": "clean", "removed": [], "kept": {}, "error": None}
        try:
            with link.guarded(timeout * 2 + 120):
                cleaned = Keeper(self._connection).clean(arguments["age"], turns=True)
        except (link.LinkError, link.CallTimeoutError, KeeperError) as error:
            record["error"] = link.explain(host, error)
        else:
            record |= {"removed": list(cleaned.removed), "kept": dict(cleaned.kept)}
        failed = record["error"] is not None
        message = record["error"] or f"{host}: {len(record['removed'])} removed"
        return result | {
            "failed": failed,
            "msg": message,
            "dx": record,
            "changed": bool(record["removed"]),
        }
