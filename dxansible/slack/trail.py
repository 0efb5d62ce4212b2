"""The trail of one dispatch in Slack, posted in the background.

Every message is written to the spool first; a thread sends the spooled messages, oldest first. A
failure is one line in the log, and never an exception.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dxansible.logs import event
from dxansible.slack.http import SlackClient, Verdict
from dxansible.slack.spool import Entry, Spool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dxansible.services import SlackSettings
    from dxansible.slack.text import Message, Thread

__all__ = ["Trail"]

_BUDGET_SECONDS = 3.0
"""Seconds for one round of sending, with Slack's pauses; also the longest wait at the end."""
_LOCK_PAUSE = 0.1


@dataclass(slots=True, kw_only=True)
class Trail:
    """The messages of one dispatch, and the ends of others."""

    settings: SlackSettings
    channel: str = ""
    """The channel of the first message; empty means the settings' channel."""
    on_thread: Callable[[Thread], None] = lambda _: None
    """Called with the Slack thread of the follow-ups, by the sending thread, once it exists."""
    sleep: Callable[[float], object] = time.sleep
    clock: Callable[[], float] = time.monotonic
    id: str = field(default_factory=lambda: os.urandom(8).hex())
    _begun: bool = False
    _closing: bool = False
    _told: bool = False
    _failure: str = ""
    _wake: threading.Event = field(default_factory=threading.Event)
    _worker: threading.Thread | None = None
    _client: SlackClient = field(init=False)
    _spool: Spool = field(init=False)

    def __post_init__(self) -> None:
        """Open no connection yet."""
        self._client, self._spool = SlackClient(self.settings), Spool(self.settings.spool)

    def post(self, message: Message, *, last: bool = False) -> None:
        """Spool a message and return at once; the first one begins the thread."""
        first, self._begun = not self._begun, True
        self.reply(message, self.id, None, self.channel, first=first, last=last)

    def reply(  # noqa: PLR0913 - what an entry has
        self,
        message: Message,
        trail: str,
        thread: Thread | None,
        channel: str,
        *,
        first: bool = False,
        last: bool = False,
    ) -> None:
        """Do the same for any trail. If its thread is unknown, the message stands alone."""
        known = (self.settings.token or "", self.settings.webhook or "")
        entry = Entry(
            id=os.urandom(8).hex(),
            trail=trail,
            first=first,
            last=last,
            payload=message.payload(known),
            channel=channel,
        )
        try:
            if thread is not None and self._spool.thread(trail) is None:
                self._spool.remember(trail, thread)
            self._spool.put(entry)
            self._wake.set()
            if self._worker is None:
                # a daemon: Slack must not keep the process alive
                self._worker = threading.Thread(target=self._work, name="slack", daemon=True)
                self._worker.start()
        except Exception as error:  # noqa: BLE001 - as in _work: a full disk, no more threads
            self._tell("slack_failed", f"{type(error).__name__}: {error}")

    def close(self) -> None:
        """Give unsent messages a last few seconds."""
        if self._worker is None:
            return
        self._closing = True
        self._wake.set()
        self._worker.join(_BUDGET_SECONDS)
        if self._worker.is_alive():
            self._tell("slack_slow", "Slack is too slow; stopped waiting for it")

    def _work(self) -> None:
        closing = False
        while not closing:
            self._wake.wait()
            self._wake.clear()
            closing = self._closing
            try:
                self.send()
            except Exception as error:  # noqa: BLE001 - nothing about Slack may end a dispatch
                self._tell("slack_failed", f"{type(error).__name__}: {error}")

    def send(self) -> None:
        """Send the spooled messages, oldest first, as far as the budget allows."""
        deadline = self.clock() + _BUDGET_SECONDS
        while self.clock() < deadline:
            with self._spool.alone() as alone:
                if alone:
                    self._send_all(deadline)
                    return
            self.sleep(_LOCK_PAUSE)

    def _send_all(self, deadline: float) -> None:
        if lost := self._spool.abandoned():
            self._tell("slack_unclear", f"{lost} earlier message(s) may not have been posted")
        while self.clock() < deadline and (waiting := self._spool.pending()):
            pause = self._send_one(waiting[0])
            if pause is None:
                continue
            if self.clock() + pause >= deadline:
                break
            self.sleep(pause)
        if self._spool.pending():
            self._tell("slack_kept", self._failure or "out of time")

    def _send_one(self, path: Path) -> float | None:
        """Send one message. Returns seconds to wait before the next one; None for no wait."""
        claim = self._spool.claim(path)
        if claim is None:
            return None
        claimed, entry = claim
        thread = self._spool.thread(entry.trail)
        channel = entry.channel or self.settings.channel_for(None)
        posted = self._client.post(entry.payload, channel, thread)
        elsewhere = thread is not None and thread.channel != channel
        match posted.verdict:
            case Verdict.DELIVERED:
                if posted.thread is not None and entry.first and not entry.last:
                    self._spool.remember(entry.trail, posted.thread)
                self._spool.done(claimed, entry)
                event("slack_posted", logging.DEBUG, trail=entry.trail)
                if posted.thread is not None and entry.first and entry.trail == self.id:
                    self.on_thread(posted.thread)
                return None
            case Verdict.LATER:
                self._spool.give_back(claimed)
                if elsewhere and posted.failure == "channel_not_found":
                    self._spool.forget(entry.trail)  # that thread is in another workspace
                    return None
                self._failure = posted.failure
                return _BUDGET_SECONDS if posted.pause is None else posted.pause
            case Verdict.NEVER | Verdict.UNCLEAR:
                self._spool.done(claimed, entry)
                self._tell(posted.verdict, posted.failure)
                return None if posted.verdict is Verdict.NEVER else _BUDGET_SECONDS

    def _tell(self, name: str, error: str) -> None:
        """Log a problem: once for a dispatch as a warning, then at DEBUG. Masks the secrets."""
        for secret in filter(None, (self.settings.token, self.settings.webhook)):
            error = error.replace(secret, "***")
        event(name, logging.DEBUG if self._told else logging.WARNING, error=error)
        self._told = True
