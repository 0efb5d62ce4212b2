"""The ends of turns: what VMs note of a trail, what is posted of others' ends, and the words."""

from __future__ import annotations

import logging
import os
import re
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dxansible.errors import DxError
from dxansible.logs import event
from dxansible.record import Reason
from dxansible.redact import summarize
from dxansible.results import TurnResult
from dxansible.run.events import HostFound, HostsKnown, PreflightDone
from dxansible.run.turn_events import EndSeen
from dxansible.slack.opening import open_trail
from dxansible.slack.text import Message, Thread

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dxansible.results import FanoutResult
    from dxansible.run.events import Event, Observer
    from dxansible.settings import Settings
    from dxansible.slack.trail import Trail

__all__ = [
    "ERROR_LENGTH",
    "EndTeller",
    "TrailOnVms",
    "facts",
    "result_line",
    "session_notes",
    "telling_ends",
]

ERROR_LENGTH = 300
_LONGEST_SECONDS = 15.0
_PATIENCE_SECONDS = 3.0
"""Shorter turns get no note."""
_MOST_SESSIONS = 6
"""Sessions of several hosts; the rest is counted."""
_ID = re.compile(r"[0-9a-f]{16}")
_THREAD = re.compile(r"([A-Z0-9]{2,30}) ([0-9]{1,20}\.[0-9]{1,20})")


class EndTeller:
    """Posts the ends that this call has claimed, each in the thread of its dispatch."""

    def __init__(self, trail: Trail) -> None:
        """``trail`` sends the messages."""
        self._trail = trail
        self._channels: dict[str, str | None] = {}

    def handle(self, news: Event) -> None:
        """Note the host's channel; post an end that this call has claimed."""
        match news:
            case HostsKnown():
                self._channels.update(dict.fromkeys(news.hosts, news.slack_channel))
            case HostFound():
                self._channels[news.host] = news.slack_channel
            case PreflightDone():
                self._channels[news.result.host] = news.slack_channel
            case EndSeen() if news.claimed:
                self._tell(news)
            case _:
                pass

    def _tell(self, end: EndSeen) -> None:
        # a VM's words are checked before they become a file name or a channel
        name = end.trail if _ID.fullmatch(end.trail) else os.urandom(8).hex()
        found = _THREAD.fullmatch(end.thread)
        channel = self._trail.settings.channel_for(self._channels.get(end.host))
        thread = Thread(found[1], found[2]) if found else None
        self._trail.reply(_end_message(end.result), name, thread, channel)


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


@contextmanager
def telling_ends() -> Iterator[Sequence[Observer]]:
    """Yield the observers of a run that may see ends; none if Slack is not configured."""
    trail = open_trail(None)
    if trail is None:
        yield ()
        return
    try:
        yield [EndTeller(trail)]
    finally:
        trail.close()


def _end_message(result: TurnResult) -> Message:
    """Return the message on a turn that another or an earlier call dispatched."""
    notes = [f"session {result.session_id}"]
    if result.task_summary:
        notes.append(f"task: {result.task_summary}")
    needs_input = result.reason is Reason.NEEDS_INPUT
    title = f"{result.outcome}, asks" if result.asks else str(result.outcome)
    if result.asks or needs_input:
        notes.append(f'dx-dispatch --session {result.session_id} "ANSWER"')
    title = "needs input" if needs_input else title
    return Message(title=f"{title}: {result.host}", body=result_line(result), notes=tuple(notes))


def session_notes(ids: Mapping[str, str]) -> tuple[str, ...]:
    """Return the sessions' ids, and how to follow them."""
    known = {host: each for host, each in ids.items() if each}
    if not known:
        return ()
    if len(known) == 1:
        (session,) = known.values()
        return f"session {session}", f"dx-dispatch --logs {session} --follow"
    shown = [f"{host}: {each}" for host, each in list(known.items())[:_MOST_SESSIONS]]
    more = [f"and {len(known) - len(shown)} more"] if len(known) > len(shown) else []
    return (*shown, *more, "dx-dispatch --logs SESSION --follow")


def result_line(result: TurnResult | FanoutResult) -> str:
    """Return one line about a host's result."""
    more: list[str] = []
    if isinstance(result, TurnResult):
        changes = result.changes
        more = [
            "ends with a question" if result.asks else "",
            f"branch {result.branch}" if result.branch else "",
            f"{changes.commits} commit(s), {changes.files} file(s)"
            if changes is not None and not changes.nothing
            else "",
        ]
    error = (result.error or "").removeprefix(f"{result.host}: ")
    known = facts(str(result.outcome), result.reason, result.duration_ms, *more, error=error)
    return f"{result.host}: {known}"


def facts(first: str, reason: str | None, milliseconds: int, *more: str, error: str | None) -> str:
    """Return the known facts about an end in one line; a duration of 0 is unknown."""
    took = f"{milliseconds / 1000:.1f} s" if milliseconds else ""
    known = (first, str(reason or ""), took, *more, summarize(error or "", ERROR_LENGTH))
    return " · ".join(each for each in known if each)
