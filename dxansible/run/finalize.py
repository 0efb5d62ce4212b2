"""Pushes a session's branch for a pull request, after a commit of what is uncommitted."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

from dxansible import parameters as known
from dxansible.errors import UsageError
from dxansible.ids import new_token
from dxansible.parameters import Told, told
from dxansible.results import TurnResult
from dxansible.run.attach_sessions import last_word, locate
from dxansible.run.event_log import EventLog
from dxansible.run.gather import ResultCollector
from dxansible.run.options import check_seconds
from dxansible.run.plays import Play
from dxansible.settings import Settings
from dxansible.value import field, replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dxansible.run.events import Observer

__all__ = ["FinalizeOptions", "finalize_session"]

_REVIEWER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}(?:/[A-Za-z0-9._-]{1,100})?")
_REMOTE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_LONGEST_LABEL = 50
_BRANCH = re.compile(
    r"(?![-/.])(?!.*(?:\.\.|@\{|//|\.lock\Z))[^\s~^:?*\[\\\x00-\x1f\x7f]+(?<![/.])"
)


class FinalizeOptions(Told):
    """Options of the pull request. Raises UsageError for values that make no sense."""

    beads: str | None = told(known.BEADS)
    base: str | None = told(known.BASE)
    """The target branch; None is the remote's default branch."""
    fork: str | None = told(known.FORK)
    """The remote of a fork to push to; None is ``origin``."""
    draft: bool = told(known.DRAFT)
    labels: tuple[str, ...] = told(known.LABELS)
    reviewers: tuple[str, ...] = told(known.REVIEWERS)
    """Users, and teams as ``organization/team``."""
    body: str = field(default="", repr=False)
    """The pull request's body where ``gh`` on the VM opens it; empty is the message's rest."""
    queue: bool = told(known.QUEUE)
    timeout_sec: float = told(known.FINALIZE_TIMEOUT)
    """For commit, hooks and push, enforced on the VM."""
    max_retries: int = told(known.RETRIES)
    settings: Settings = field(default_factory=Settings.load)

    def __post_init__(self) -> None:
        """Validate the values."""
        check_seconds("timeout", self.timeout_sec)
        if self.base is not None and _BRANCH.fullmatch(self.base) is None:
            message = f"{self.base!r} can't be the name of a branch"
            raise UsageError(message, "name one of the remote's: --base main")
        if self.fork is not None and _REMOTE.fullmatch(self.fork) is None:
            message = f"{self.fork!r} can't be the name of a remote"
            raise UsageError(message, "name the remote of your fork in the VM's repository")
        for label in self.labels:
            if not label.strip() or not label.isprintable() or len(label) > _LONGEST_LABEL:
                message = f"{label!r} can't be a label"
                raise UsageError(message, f"give a text of up to {_LONGEST_LABEL} characters")
        for name in self.reviewers:
            if _REVIEWER.fullmatch(name) is None:
                message = f"{name!r} can't be a reviewer"
                raise UsageError(message, "give a user, or organization/team")

    def with_body(self, body: str) -> FinalizeOptions:
        """Return the options with another body."""
        return replace(self, body=body)

    def variables(self) -> dict[str, object]:
        """Return the playbook's variables."""
        ours = (known.BEADS, known.BASE, known.FORK)
        nothing = {each.variable: "" for each in ours}  # overrides the inventory's
        return {"dx_finalize": True, **nothing, **Told.variables(self)}


def finalize_session(
    session_id: str,
    message: str,
    options: FinalizeOptions | None = None,
    *,
    observers: Sequence[Observer] = (),
    cancelled: threading.Event | None = None,
) -> TurnResult:
    """Commit uncommitted changes with ``message``, and push the session's branch.

    The result's `push` says what was pushed. A finalize is a turn of the session: it is refused
    while another turn runs, and happens once even if the connection breaks. Setting ``cancelled``
    only stops looking. Each of ``observers`` gets every event of the run. Raises
    UnknownSessionError.
    """
    chosen = options or FinalizeOptions()
    gone = cancelled or threading.Event()
    host = locate(session_id, chosen.settings)
    # our caller logs the final outcome; the turn's own is only logged at DEBUG
    log = EventLog(watching=True)
    collector = ResultCollector(
        TurnResult, [log, *observers], session=session_id, machine=chosen.settings.machine
    )
    text = chosen.body.encode("utf-8", "replace")
    end = Play(
        chosen.settings,
        "start-session.yml",
        limit=host,
        variables={**chosen.variables(), "dx_session": session_id, "dx_token": new_token()},
        cancelled=gone,
        secret_text=b"%d\n%b%b" % (len(text), text, message.encode("utf-8", "replace")),
    ).follow(collector.handle, collector.again(host, max_retries=chosen.max_retries))
    collector.expect(host, session_id)
    if gone.is_set():
        collector.detach()
    back = f"dx-dispatch --finalize-pr {session_id} --queue"
    collector.end_silent(end, remedy=f"it may go on there; finalize again: {back}")
    return last_word(collector, end, session_id, chosen.settings)
