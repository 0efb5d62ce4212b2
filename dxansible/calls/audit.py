"""What Slack is told of a dispatch: that it began, and how it ended."""

from __future__ import annotations

import logging
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dxansible.calls.watches import CommandWatch, TurnWatch
from dxansible.errors import DxError, UsageError
from dxansible.ids import session_on
from dxansible.integrations.slack_text import Message
from dxansible.logs import event
from dxansible.outcome import Reason, worst
from dxansible.redact import summarize
from dxansible.settings import SlackSettings
from dxansible.turn import TurnResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dxansible.calls.options import Options
    from dxansible.integrations.jules_model import JulesResult, Session
    from dxansible.integrations.slack import Trail
    from dxansible.outcome import FanoutResult
    from dxansible.runner.mapping import Listener
    from dxansible.sessions import SessionListener

__all__ = ["Audit", "audited"]

_TASK_LENGTH = 600
_ERROR_LENGTH = 300
_MOST_LINES = 12
"""Of several hosts; the rest is counted."""


class Audit:
    """The trail of one dispatch; without ``trail`` it says nothing."""

    def __init__(self, trail: Trail | None, target: str, task: str, *, wait: bool) -> None:
        """``wait``: the end will be seen by this call."""
        self._trail, self._target, self._task, self._wait = trail, target, task, wait
        self._begun = False

    def watch_turns(self, listener: SessionListener) -> SessionListener:
        """The same listener, and the trail begins once all VMs have the task, or won't get it."""
        if self._trail is None:
            return listener
        return TurnWatch(listener, lambda ids: self._begin(_sessions(ids), last=not self._wait))

    def watch_command(self, listener: Listener, run_id: str) -> Listener:
        """The same listener, and the trail begins once the hosts are known."""
        if self._trail is None:
            return listener

        def begin(hosts: Sequence[str]) -> None:
            self._begin(_sessions({host: session_on(run_id, host) for host in hosts}))

        return CommandWatch(listener, begin)

    def begin_jules(self, session: Session, *, last: bool) -> None:
        """Jules has the task."""
        follow = f"dx-dispatch --logs {session.id} --follow"
        self._begin((f"session {session.id}", session.url, follow), last=last)

    def turns(self, results: Sequence[TurnResult]) -> None:
        """What is known at the end of a call about turns; of those that go on, nothing."""
        ended = [each for each in results if each.outcome is not None]
        if not ended:
            if not self._begun:
                ids = {each.host: each.session_id for each in results}
                self._begin(_sessions(ids), last=True)
            return
        self._ended(ended, running=len(results) - len(ended))

    def commands(self, results: Sequence[FanoutResult]) -> None:
        """How a command ended."""
        self._ended(results)

    def jules(self, result: JulesResult) -> None:
        """How it ended at Jules, or that it doesn't go on by itself."""
        session = result.session
        waits = session.needs_person if session else None
        if result.outcome is None and not (self._wait and waits):
            return
        title = "needs input" if waits else str(result.outcome)
        notes = [f"session {session.id}"] if session else []
        if session and session.pull_request:
            notes.append(session.pull_request)
        facts = [str(result.reason or ""), _seconds(result.duration_ms)]
        if waits:
            facts.append(waits)
        if result.error:
            facts.append(summarize(result.error, _ERROR_LENGTH))
        self._end(title, " · ".join(each for each in facts if each), notes)

    def gave_up(self, error: DxError) -> None:
        """What has begun has no result."""
        if self._begun:
            self._end("given up", summarize(str(error), _ERROR_LENGTH), ())

    def close(self) -> None:
        """Let what is not posted yet have a few seconds."""
        if self._trail is not None:
            self._trail.close()

    def _begin(self, notes: Sequence[str], *, last: bool = False) -> None:
        if self._trail is None or self._begun:
            return
        self._begun = True
        who = f"{self._trail.settings.caller}@{socket.gethostname()}"
        title = f"{who} dispatched to {self._target}"
        self._trail.post(Message(title=title, body=self._task, notes=tuple(notes)), last=last)

    def _ended(
        self, results: Sequence[TurnResult] | Sequence[FanoutResult], *, running: int = 0
    ) -> None:
        needs = any(each.reason is Reason.NEEDS_INPUT for each in results)
        outcome = worst(each.outcome for each in results if each.outcome is not None)
        lines = [_line(each) for each in results[:_MOST_LINES]]
        if len(results) > _MOST_LINES:
            lines.append(f"and {len(results) - _MOST_LINES} more")
        if running:
            lines.append(f"{running} still running, no longer watched")
        ids = [each.session_id for each in results if each.session_id]
        notes = [f"session {ids[0]}"] if len(ids) == 1 else []
        self._end("needs input" if needs else str(outcome), "\n".join(lines), notes)

    def _end(self, title: str, body: str, notes: Sequence[str]) -> None:
        if self._trail is None:
            return
        self._begin(())
        self._trail.post(
            Message(title=f"{title}: {self._target}", body=body, notes=tuple(notes)), last=True
        )


@contextmanager
def audited(options: Options, target: str, task: str | bytes) -> Iterator[Audit]:
    """Keep a trail in Slack of what is done inside, where that is wanted and configured."""
    text = task if isinstance(task, str) else task.decode(errors="replace")
    trail = None if options.slack is False else _trail(wanted=options.slack is True)
    audit = Audit(trail, target, summarize(text, _TASK_LENGTH), wait=options.wait)
    try:
        yield audit
    except DxError as error:
        audit.gave_up(error)
        raise
    finally:
        audit.close()


def _trail(*, wanted: bool) -> Trail | None:
    try:
        settings = SlackSettings.load()
    except UsageError as error:
        event("slack_failed", logging.WARNING, error=str(error))
        return None
    if settings.configured:
        from dxansible.integrations.slack import Trail  # noqa: PLC0415 - loads requests

        return Trail(settings=settings)
    level = logging.WARNING if wanted else logging.DEBUG
    event("slack_not_configured", level, error="set SLACK_BOT_TOKEN or SLACK_WEBHOOK_URL")
    return None


def _sessions(ids: Mapping[str, str]) -> tuple[str, ...]:
    """Which sessions they are, and how to follow them."""
    known = {host: each for host, each in ids.items() if each}
    if not known:
        return ()
    if len(known) == 1:
        (session,) = known.values()
        return f"session {session}", f"dx-dispatch --logs {session} --follow"
    shown = [f"{host}: {each}" for host, each in list(known.items())[: _MOST_LINES // 2]]
    more = [f"and {len(known) - len(shown)} more"] if len(known) > len(shown) else []
    return (*shown, *more, "dx-dispatch --logs SESSION --follow")


def _line(result: TurnResult | FanoutResult) -> str:
    facts = [str(result.outcome), str(result.reason or ""), _seconds(result.duration_ms)]
    if isinstance(result, TurnResult):
        if result.branch:
            facts.append(f"branch {result.branch}")
        if result.changes is not None and not result.changes.nothing:
            facts.append(f"{result.changes.commits} commit(s), {result.changes.files} file(s)")
    if result.error:
        facts.append(summarize(result.error.removeprefix(f"{result.host}: "), _ERROR_LENGTH))
    return f"{result.host}: {' · '.join(each for each in facts if each)}"


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.1f} s" if milliseconds else ""
