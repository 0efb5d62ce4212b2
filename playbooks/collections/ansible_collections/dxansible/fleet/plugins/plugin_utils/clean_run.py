# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Removes a host's sessions that ended long ago."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from .host_run import CONTACT, CallRun, ask

if TYPE_CHECKING:
    from .host_run import Steps

_SECONDS = 120
"""Limit for the removal, which may cover many worktrees."""


class CleanRun(CallRun):
    """Removes ended sessions and their worktrees, unless that loses work."""

    kind: ClassVar = "clean"
    spec: ClassVar = {
        **CONTACT,
        "age": {"type": "int", "default": 30, "variable": "dx_clean_age"},
        "dry_run": {"type": "bool", "default": False, "variable": "dx_dry_run"},
    }
    in_check_mode: ClassVar = {"dry_run": True}

    def call(self, record: dict[str, Any]) -> Steps[dict[str, Any]]:
        """Remove the sessions. The record lists them, and says why others are kept."""
        record |= {"removed": [], "removable": [], "kept": {}}
        age, dry_run = self.options["age"], self.options["dry_run"]
        cleaned = yield from ask(
            self.options["connect_timeout"] * 2 + _SECONDS,
            lambda door: door.keeper.clean(age, dry_run=dry_run),
        )
        record |= vars(cleaned)
        gone, would = len(cleaned.removed), len(cleaned.removable)
        done = f"{would} would be removed" if dry_run else f"{gone} removed"
        return {"msg": f"{self.host}: {done}", "changed": bool(gone or would)}
