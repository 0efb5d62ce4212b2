# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Base class of runs whose work may start later: the VM has it, and keeps the time."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from . import verdict
from .attempts import COMMON_SPEC, AttemptRun
from .host_run import Pause

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .host_run import Steps
    from .keeper_reply import Reply
    from .record import Verdict

SCHEDULE_SPEC: Mapping[str, Mapping[str, Any]] = {
    **COMMON_SPEC,
    "start_at": {"type": "float", "default": 0.0, "variable": "dx_start_at"},
}
_SOONEST, _LATEST = 1, 30
"""Seconds between two looks at work that starts later."""


class ScheduledRun(AttemptRun):
    """Starts its work at ``start_at``, or waits for the start of work that another run sent."""

    starts: int | None = None
    """Seconds until the VM starts the work, if it said so last."""

    def check_options(self) -> None:
        """Raise ValueError for an invalid option."""
        super().check_options()
        if not 0 <= self.options["start_at"] < float("inf"):
            message = "dx_start_at has to be a time, in seconds since 1970"
            raise ValueError(message)

    def delay(self) -> dict[str, object]:
        """The seconds that the VM waits before it starts the work, counted from now."""
        left = self.options["start_at"] - time.time()
        return {"delay": math.ceil(left)} if left > 0 else {}

    def until_start(self) -> Steps[None]:
        """Wait until the work may have started, or for long enough to look again."""
        if self.starts is not None:
            yield look_again(self.starts)
            self.starts = None

    def scheduled(
        self, record: dict[str, Any], reply: Reply, *, follows: bool = True
    ) -> Verdict | None:
        """Leave work that starts later to the VM; or ask again, if the run ``follows`` it."""
        self.progress.started = True
        record["starts_s"] = self.starts = reply.starts or 0
        return None if follows and not self.options["start_at"] else verdict.RUNNING


def look_again(starts: int | None) -> Pause:
    """The pause before the next look at work that starts in so many seconds."""
    return Pause(min(max(starts or 0, _SOONEST), _LATEST))
