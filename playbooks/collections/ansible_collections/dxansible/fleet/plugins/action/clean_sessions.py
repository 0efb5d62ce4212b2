# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller side of ``dxansible.fleet.clean_sessions``; the module of that name documents it."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.dxansible.fleet.plugins.plugin_utils import link
from ansible_collections.dxansible.fleet.plugins.plugin_utils.call import (
    CALL_SPEC,
    CALL_VARIABLES,
    CallAction,
)
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper import Keeper, KeeperError

_SPEC = {
    **CALL_SPEC,
    "age": {"type": "int", "default": 30},
    "dry_run": {"type": "bool", "default": False},
}
_VARIABLES = {**CALL_VARIABLES, "age": "dx_clean_age", "dry_run": "dx_dry_run"}


class ActionModule(CallAction):
    """Removes ended sessions of one host, and their worktrees where no work is lost by it."""

    spec: ClassVar = _SPEC
    variables: ClassVar = _VARIABLES
    kind: ClassVar = "clean"

    def _call(self, record: dict[str, Any]) -> dict[str, Any]:
        """Remove them, and say what was removed and what was kept, and why."""
        record |= {"removed": [], "removable": [], "kept": {}, "error": None}
        dry_run = self._arguments["dry_run"] or self._task.check_mode
        try:
            with link.guarded(self._timeout * 2 + 120):
                cleaned = Keeper(self._link).clean(
                    self._arguments["age"], turns=True, dry_run=dry_run
                )
        except (link.LinkError, link.CallTimeoutError, KeeperError) as error:
            record["error"] = link.explain(self._host, error)
        else:
            record |= {
                "removed": list(cleaned.removed),
                "removable": list(cleaned.removable),
                "kept": dict(cleaned.kept),
            }
        gone, would = len(record["removed"]), len(record["removable"])
        done = f"{would} would be removed" if dry_run else f"{gone} removed"
        return {
            "failed": record["error"] is not None,
            "msg": record["error"] or f"{self._host}: {done}",
            "changed": bool(gone or would),
        }
