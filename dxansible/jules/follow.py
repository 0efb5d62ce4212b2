"""Follows a session of Jules to its end, and returns the result."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dxansible.errors import ServiceError
from dxansible.jules.model import JulesResult, Session
from dxansible.logs import event
from dxansible.parameters import TURN_SECONDS
from dxansible.record import FanoutOutcome, Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from dxansible.jules.client import JulesClient

__all__ = ["Follower"]

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 10.0
_SELDOM = 3
_GRACE = 90.0
"""Seconds for Jules to react to a message."""
_LATE_OUTPUTS = (2.0, 5.0)
"""Seconds between looks for a pull request, which may appear after the session has completed."""


@dataclass(slots=True, kw_only=True)
class Follower:
    """Follows one session to its end; times are in seconds."""

    client: JulesClient
    tell: Callable[[str], object]
    """Gets what happens as text."""
    wait: bool = True
    """Follow to the end; otherwise only report what has happened up to now."""
    timeout_sec: float = TURN_SECONDS
    idle_timeout_sec: float | None = None
    """None waits for the end or the deadline, even if Jules is silent."""
    allow_no_pr: bool = False
    fresh: bool = False
    """The session was created just now."""
    former: Session | None = None
    """The session before a message was sent; its state counts as old until it changes."""
    known: frozenset[str] = frozenset()
    """Names of activities that were shown before."""
    cancelled: threading.Event = field(default_factory=threading.Event)
    _id: str = field(init=False)
    _begun: float = field(init=False)
    _changed: float = field(init=False)
    _deadline: float | None = field(init=False)
    _looks: int = field(default=0, init=False)
    _seen: set[str] = field(init=False)
    _moved: bool = field(init=False)
    _state: tuple[str, str] | None = field(default=None, init=False)
    _session: Session | None = field(default=None, init=False)
    _said: str | None = field(default=None, init=False)
    _failure: str | None = field(default=None, init=False)

    def run(self, session_id: str) -> JulesResult:
        """Follow this session, once. Raises UsageError if there is no such session."""
        self._id, self._seen, self._moved = session_id, set(self.known), self.former is None
        self._begun = self._changed = self.client.clock()
        self._deadline = self._begun + self.timeout_sec if self.wait else None
        client = self.client
        before = client.deadline, client.read_seconds
        try:
            result = self._until_end()
        except ServiceError as error:
            result = self._lost(error)
        finally:
            client.deadline, client.read_seconds = before
        took = round((self.client.clock() - self._begun) * 1000)
        return replace(result, session=self._session, message=self._said, duration_ms=took)

    def _until_end(self) -> JulesResult:
        pause = _FIRST_PAUSE
        while True:
            session = self._look()
            moved = self._has_moved(session)
            if session.ended and moved:
                return self._end(session)
            if session.needs_person and self.wait and moved:
                text = f"Jules session {session.id} needs input: {session.needs_person}"
                return JulesResult.failure(Reason.NEEDS_INPUT, text)
            if not self.wait or self.cancelled.is_set():
                return JulesResult(outcome=None, reason=None)
            if (late := self._too_late(session)) is not None:
                return late
            self._sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def _has_moved(self, session: Session) -> bool:
        """Whether the session has reacted to the message, or the grace period is over."""
        former = self.former
        self._moved = self._moved or former is None or session.state != former.state
        return self._moved or self.client.clock() - self._begun >= _GRACE

    def _look(self) -> Session:
        if self._deadline is not None:
            client, left = self.client, self._deadline - self.client.clock()
            client.deadline = self._deadline
            client.read_seconds = min(client.read_seconds, max(left, 1.0))
        session = self.client.get(self._id, fresh=self.fresh and self._session is None)
        self._session = session
        state = (session.state, session.update_time)
        # Jules limits requests for activities, and new ones come with an update of the session
        if state != self._state or self._looks % _SELDOM == 0 or not self._moved:
            self._state = state
            self._show_news()
        self._looks += 1
        return session

    def _show_news(self) -> None:
        try:
            activities = self.client.activities(self._id)
        except ServiceError as error:
            # activities are optional: the session itself has the result
            event("activities_missed", logging.WARNING, host="jules", error=str(error))
            return
        for each in activities:
            if each.name in self._seen:
                continue
            self._seen.add(each.name)
            self._moved = self._moved or not each.by_user
            self._changed = self.client.clock()
            self._said = each.said or self._said
            self._failure = each.failure or self._failure
            if each.text:
                self.tell(each.text)

    def _end(self, session: Session) -> JulesResult:
        if not self._moved:
            text = f"Jules has not reacted after {_GRACE:g} s; the session is still {session.state}"
            return JulesResult.failure(Reason.JULES_ERROR, text)
        if session.state == "FAILED":
            text = f"Jules failed: {self._failure or 'no reason given'}"
            return JulesResult.failure(Reason.JULES_FAILED, text)
        for pause in _LATE_OUTPUTS if self.wait else ():
            if session.pull_request or self.allow_no_pr:
                break
            self._sleep(pause)
            session = self._look()
        if session.pull_request or self.allow_no_pr:
            return JulesResult(outcome=FanoutOutcome.SUCCESS, reason=Reason.OK)
        text = f"completed without a pull request; see {session.url or session.id}"
        return JulesResult.failure(Reason.NO_PULL_REQUEST, text)

    def _too_late(self, session: Session) -> JulesResult | None:
        now, idle = self.client.clock(), self.idle_timeout_sec
        quiet = now - self._changed
        if self._deadline is not None and now >= self._deadline:
            why = f"timed out after {self.timeout_sec:g} s, no activity for {quiet:.0f} s"
            reason = Reason.DEADLINE
        elif idle is not None and quiet >= idle:
            why, reason = f"no activity for {quiet:.0f} s", Reason.IDLE
        else:
            return None
        return _goes_on(session.id, f"{why}; its state is {session.state}", reason)

    def _lost(self, error: ServiceError) -> JulesResult:
        if self._deadline is not None and self.client.clock() + 1 >= self._deadline:
            return _goes_on(self._id, f"timed out; last error: {error.message}", Reason.DEADLINE)
        lost = error.reason is Reason.JULES_ERROR
        text = f"{error}; the session continues; see: dx-dispatch --logs {self._id} --follow"
        return JulesResult.failure(Reason.LOST_CONTACT if lost else error.reason, text)

    def _sleep(self, seconds: float) -> None:
        left = seconds
        if self._deadline is not None:
            left = min(seconds, max(self._deadline - self.client.clock(), 0.0))
        self.client.sleep(left)


def _goes_on(session_id: str, why: str, reason: Reason) -> JulesResult:
    """Return the result of a session that goes on: Jules has no cancel."""
    text = f"{why}. Jules can't cancel it; to archive it: dx-dispatch --abort {session_id}"
    return JulesResult(
        outcome=FanoutOutcome.TIMEOUT, reason=reason, error=text, stop_verified=False
    )
