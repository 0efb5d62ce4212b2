"""The messages to Slack about one dispatch: its start and its end."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dxansible.errors import DxError
from dxansible.ids import session_on
from dxansible.record import Reason
from dxansible.redact import summarize
from dxansible.results import counted, worst
from dxansible.run.events import HostMoved, HostsKnown, RetryPlanned
from dxansible.run.turn_events import EndSeen
from dxansible.slack.opening import open_trail, read_channel
from dxansible.slack.text import Message
from dxansible.slack.turn_ends import (
    ERROR_LENGTH,
    EndTeller,
    TrailOnVms,
    facts,
    result_line,
    session_notes,
)
from dxansible.states import HostState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from dxansible.cli.table import Options
    from dxansible.jules.client import Created
    from dxansible.jules.model import JulesResult
    from dxansible.results import FanoutResult, TurnResult
    from dxansible.run.events import Event, Observer
    from dxansible.settings import Settings
    from dxansible.slack.trail import Trail

__all__ = ["Audit", "audited", "keep_trail"]

_HAS_TASK = frozenset({HostState.SCHEDULED, HostState.STARTED})
_TASK_LENGTH = 600
_MOST_LINES = 12
"""Lines for several hosts; the rest is counted."""
_MOST_RETRIES = 5
"""Messages about retries; the log has all of them."""


class Audit:
    """The trail of one dispatch; without ``trail`` it posts nothing."""

    channel: Callable[[], str | None] | None = None
    """Returns the inventory's channel, for calls without a run that reports it."""

    def __init__(self, trail: Trail | None, target: str, task: str, *, wait: bool) -> None:
        """``wait``: this call will see the end."""
        self._trail, self._target, self._task, self._wait = trail, target, task, wait
        self._who = f"{trail.settings.caller if trail else ''}@{socket.gethostname()}"
        self._is_open = False
        self._retries: list[RetryPlanned] = []
        self._told: dict[str, bool] = {}
        """Sessions whose turn has ended, and whether this call has to post the end."""
        self._teller = EndTeller(trail) if trail else None
        self._vms: TrailOnVms | None = None
        self._command: str | None = None
        """The id of the run, if it is a command's."""
        self._hosts: Sequence[str] = ()
        """The hosts whose sessions the first message names."""
        self._goes_on = False
        """Whether running turns will end without this call."""

    @property
    def observers(self) -> Sequence[Observer]:
        """The observers of a run: the audit itself, or none without a trail."""
        return [self] if self._trail else []

    def expect_turns(self, settings: Settings) -> None:
        """Begin the trail once every VM has the task, or won't get it."""
        if self._trail is not None:
            self._vms = TrailOnVms(settings, self._trail.id, wait=self._wait)
            self._trail.on_thread = self._vms.note

    def expect_command(self, run_id: str) -> None:
        """Begin the trail once the hosts are known."""
        self._command = run_id

    def begin_jules(self, created: Created, *, last: bool) -> None:
        """Post that Jules has the task."""
        session = created.session
        follow = f"dx-dispatch --logs {session.id} --follow"
        there = "attached to session" if created.attached else "session"
        self._begin((f"{there} {session.id}", session.url, follow), last=last)

    def turns(self, results: Sequence[TurnResult]) -> None:
        """Post the turns that ended by the end of the call; if none did, post that they started."""
        ended = [each for each in results if each.outcome is not None]
        running = len(results) - len(ended)
        self._goes_on = running > 0
        if not ended:
            self._begin(session_notes({each.host: each.session_id for each in results}))
            return
        if self._vms is not None and len(results) > 1 and self._told:
            self._vms.claim(self)
        if ours := [each for each in ended if self._told.get(each.session_id, True)]:
            self._ended(ours, running=running)

    def finalized(self, result: TurnResult) -> None:
        """Post the outcome of a ``--finalize-pr``, in one message."""
        if result.outcome is None:
            return
        self._is_open = True
        title = f"{self._who} finalized {self._target}: {result.outcome}"
        url = result.push.url if result.push else None
        notes = (url or "", f"session {result.session_id}")
        self._post(title, f"{self._task}\n{result_line(result)}", notes, last=True)

    def commands(self, results: Sequence[FanoutResult]) -> None:
        """Post the end of a command; one that starts later has none yet."""
        ended = [each for each in results if each.outcome is not None]
        if ended:
            self._ended(ended, running=len(results) - len(ended))
        else:
            self._goes_on = True

    def jules(self, result: JulesResult) -> None:
        """Post the end at Jules, or that Jules waits for a person."""
        session = result.session
        waits = session.needs_person if session else None
        if result.outcome is None and not (self._wait and waits):
            return
        title = "needs input" if waits else str(result.outcome)
        notes = (f"session {session.id}", session.pull_request or "") if session else ()
        known = facts("", result.reason, result.duration_ms, waits or "", error=result.error)
        self._end(title, known, notes)

    def gave_up(self, error: DxError) -> None:
        """Post that an announced dispatch has no result."""
        if self._is_open:
            self._end("given up", summarize(str(error), ERROR_LENGTH))

    def close(self) -> None:
        """Give unsent messages a few seconds."""
        if self._vms is not None and not self._goes_on:
            self._vms.forget()
        if self._trail is not None:
            self._trail.close()
        if self._vms is not None:
            self._vms.finish()

    def handle(self, news: Event) -> None:
        """Post the events that belong in Slack."""
        if self._trail is None or self._teller is None:
            return
        match news:
            case EndSeen() if news.trail == self._trail.id:
                session = news.result.session_id
                self._told[session] = self._told.get(session, False) or news.claimed
                return
            case HostsKnown() if not self._is_open:
                self._trail.channel = self._trail.settings.channel_for(news.slack_channel)
                self._hosts_known(news.hosts)
            case HostMoved():
                self._move(news)
            case RetryPlanned():
                self._retries.append(news)
                if self._is_open and len(self._retries) <= _MOST_RETRIES:
                    self._tell_retry(news)
            case _:
                pass
        self._teller.handle(news)

    def _hosts_known(self, hosts: Sequence[str]) -> None:
        self._hosts = hosts
        if self._command is not None:
            self._begin(session_notes({host: session_on(self._command, host) for host in hosts}))

    def _move(self, news: HostMoved) -> None:
        """Note the session of a turn that has started; begin once every host has its task."""
        if self._vms is None or news.hosts is None:
            return
        if news.session_id and news.state in _HAS_TASK:
            self._vms.sessions[news.host] = news.session_id
        if self._is_open or not news.hosts.all_have_work():
            return
        moves = [news.hosts.last(host) for host in self._hosts]
        if moves and all(each and (each.over or each.state in _HAS_TASK) for each in moves):
            self._begin(session_notes({each.host: each.session_id or "" for each in moves if each}))

    def _begin(self, notes: Sequence[str] = (), *, last: bool = False) -> None:
        if self._trail is None or self._is_open:
            return
        self._is_open = True
        if self.channel is not None:
            self._trail.channel = self._trail.settings.channel_for(self.channel())
        self._post(f"{self._who} dispatched to {self._target}", self._task, notes, last=last)
        for news in self._retries[:_MOST_RETRIES]:
            self._tell_retry(news)

    def _tell_retry(self, news: RetryPlanned) -> None:
        title = f"trying again (attempt {news.attempt + 1}): {news.host}"
        self._post(title, summarize(news.error, ERROR_LENGTH))

    def _ended(
        self, results: Sequence[TurnResult] | Sequence[FanoutResult], *, running: int = 0
    ) -> None:
        needs = any(each.reason is Reason.NEEDS_INPUT for each in results)
        outcome = worst(counted((each.outcome, each.reason) for each in results))
        lines = [result_line(each) for each in results[:_MOST_LINES]]
        if len(results) > _MOST_LINES:
            lines.append(f"and {len(results) - _MOST_LINES} more")
        if running:
            lines.append(f"{running} still running, no longer watched")
        ids = [each.session_id for each in results if each.session_id]
        notes = [f"session {ids[0]}"] if len(ids) == 1 else []
        title = "needs input" if needs else str(outcome)
        goes_on = running or any(each.reason is Reason.LOST_CONTACT for each in results)
        self._end(title, "\n".join(lines), notes, last=not goes_on)

    def _end(self, title: str, body: str, notes: Sequence[str] = (), *, last: bool = True) -> None:
        self._begin()
        self._post(f"{title}: {self._target}", body, notes, last=last)

    def _post(
        self, title: str, body: str, notes: Sequence[str] = (), *, last: bool = False
    ) -> None:
        if self._trail is not None:
            self._trail.post(Message(title=title, body=body, notes=tuple(notes)), last=last)


def audited(options: Options, target: str, task: str | bytes) -> AbstractContextManager[Audit]:
    """Keep a trail in Slack of the work in the block, if one is wanted and configured."""
    return keep_trail(open_trail(options.slack), options, target, task)


@contextmanager
def keep_trail(
    trail: Trail | None, options: Options, target: str, task: str | bytes
) -> Iterator[Audit]:
    """Do the same as `audited` with a trail that is open already, or with none."""
    text = task if isinstance(task, str) else task.decode(errors="replace")
    audit = Audit(trail, target, summarize(text, _TASK_LENGTH), wait=options.wait)
    if trail is not None and options.jules and trail.settings.wants_channel:
        audit.channel = read_channel(options.inventory)
    try:
        yield audit
    except DxError as error:
        audit.gave_up(error)
        raise
    finally:
        audit.close()
