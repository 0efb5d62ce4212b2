"""Makes a pull request's branch of what a session has done: commits what is left, and pushes it."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dxansible import parameters as known
from dxansible.errors import UsageError
from dxansible.fleet.options import check_seconds
from dxansible.fleet.plays import run_play
from dxansible.parameters import told, variables
from dxansible.runner.event_log import EventLog
from dxansible.runner.gather import ResultCollector
from dxansible.sessions.by_id import last_word, locate
from dxansible.settings import Settings
from dxansible.turn import TurnResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dxansible.runner.events import Observer

__all__ = ["FinalizeOptions", "finalize_session"]

_REVIEWER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}(?:/[A-Za-z0-9._-]{1,100})?")
_BRANCH = re.compile(
    r"(?![-/.])(?!.*(?:\.\.|@\{|//|\.lock\Z))[^\s~^:?*\[\\\x00-\x1f\x7f]+(?<![/.])"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalizeOptions:
    """What the pull request is to be like. Raises UsageError for values that make no sense."""

    beads: str | None = told(known.BEADS)
    base: str | None = told(known.BASE)
    """The branch that it goes to; None is the remote's default branch."""
    draft: bool = told(known.DRAFT)
    reviewers: tuple[str, ...] = told(known.REVIEWERS)
    """Users, and teams as ``organization/team``."""
    queue: bool = told(known.QUEUE)
    timeout_sec: float = told(known.FINALIZE_TIMEOUT)
    """For commit, hooks and push, enforced on the VM."""
    max_retries: int = told(known.RETRIES)
    settings: Settings = field(default_factory=Settings.load)

    def __post_init__(self) -> None:
        """Check what a command line may get wrong."""
        check_seconds("timeout", self.timeout_sec)
        if self.base is not None and _BRANCH.fullmatch(self.base) is None:
            message = f"{self.base!r} can't be the name of a branch"
            raise UsageError(message, "name one of the remote's: --base main")
        for name in self.reviewers:
            if _REVIEWER.fullmatch(name) is None:
                message = f"{name!r} can't be a reviewer"
                raise UsageError(message, "give a user, or organization/team")

    def variables(self) -> dict[str, object]:
        """For the playbook."""
        nothing = {known.BEADS.variable: "", known.BASE.variable: ""}  # not what the inventory has
        return {"dx_finalize": True, **nothing, **variables(self)}


def finalize_session(
    session_id: str,
    message: str,
    options: FinalizeOptions | None = None,
    *,
    observers: Sequence[Observer] = (),
    cancelled: threading.Event | None = None,
) -> TurnResult:
    """Commit what is left with ``message``, and push the session's branch; `push` says what was.

    It is a turn of the session: refused while another runs, done once whatever happens to the
    connection. Setting ``cancelled`` only stops looking. ``observers`` are told every event of
    the run. Raises UnknownSessionError.
    """
    chosen = options or FinalizeOptions()
    gone = cancelled or threading.Event()
    host = locate(session_id, chosen.settings)
    # our caller has the last word on the outcome, so that of the turn is no news yet
    log = EventLog(watching=True)
    collector = ResultCollector(TurnResult, [log, *observers], session=session_id)
    end = run_play(
        chosen.settings,
        "start-session.yml",
        limit=host,
        variables={**chosen.variables(), "dx_session": session_id},
        handle=collector.handle,
        cancelled=gone,
        secret_text=b"0\n" + message.encode("utf-8", "replace"),
    )
    collector.expect(host, session_id)
    if gone.is_set():
        collector.detach()
    return last_word(collector, end, session_id, chosen.settings)
