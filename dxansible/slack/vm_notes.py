"""Notes a dispatch's Slack thread on the VMs, and claims the ends of its turns."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from dxansible.errors import DxError
from dxansible.logs import event

if TYPE_CHECKING:
    from dxansible.run.events import Observer
    from dxansible.settings import Settings
    from dxansible.slack.spool import Thread

__all__ = ["TrailOnVms"]

_LONGEST_SECONDS = 15.0
_PATIENCE_SECONDS = 3.0
"""Shorter turns get no note."""


class TrailOnVms:
    """Runs extra plays on the VMs that have taken the task."""

    def __init__(self, settings: Settings, trail: str, *, wait: bool) -> None:
        """``wait``: the call goes on to the end of the turns."""
        self._settings, self._trail = settings, trail
        self._gone, self._hurry = threading.Event(), threading.Event()
        if not wait:
            self._hurry.set()
        self._worker: threading.Thread | None = None
        self.sessions: dict[str, str] = {}
        """The session of each host that has taken the task."""

    def note(self, thread: Thread) -> None:
        """Note the Slack thread on the VMs, in the background."""
        if self.sessions and self._worker is None:
            where = (f"{thread.channel} {thread.ts}",)
            self._worker = threading.Thread(target=self._note, args=where, daemon=True)
            self._worker.start()

    def claim(self, observer: Observer) -> None:
        """Claim the ends of all turns in one run."""
        self._run(None, [observer], threading.Event())

    def forget(self) -> None:
        """Drop the note: no other call will need the thread."""
        self._gone.set()
        self._hurry.set()

    def finish(self) -> None:
        """Wait a few seconds for the note, unless it is no longer needed."""
        if self._worker is not None:
            self._hurry.set()
            if not self._gone.is_set():
                self._worker.join(_LONGEST_SECONDS)
            self._gone.set()
            self._worker.join()

    def _note(self, thread: str) -> None:
        self._hurry.wait(_PATIENCE_SECONDS)
        if not self._gone.is_set():
            self._run(thread, [], self._gone)

    def _run(
        self, thread: str | None, observers: list[Observer], cancelled: threading.Event
    ) -> None:
        from dxansible.run.listing import list_sessions  # noqa: PLC0415 - commands have no use for it

        alone = next(iter(self.sessions.values())) if len(self.sessions) == 1 else None
        try:
            found = list_sessions(
                ",".join(self.sessions),
                self._settings,
                session=alone,
                trail=self._trail,
                thread=thread,
                cancelled=cancelled,
                observers=observers,
                claim_ends=bool(observers),
            )
            failures = list(found.errors.values())
        except DxError as error:
            failures = [str(error)]
        for failure in failures if not cancelled.is_set() else ():
            event("slack_not_noted", logging.DEBUG, error=failure)
