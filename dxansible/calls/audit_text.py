"""The words in which Slack is told of dispatches and their ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.integrations.slack_text import Message
from dxansible.record import Reason
from dxansible.redact import summarize
from dxansible.turn import TurnResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dxansible.outcome import FanoutResult

__all__ = ["ERROR_LENGTH", "end_message", "result_line", "seconds", "session_notes"]

ERROR_LENGTH = 300
_MOST_SESSIONS = 6
"""Of several hosts; the rest is counted."""


def end_message(result: TurnResult) -> Message:
    """The end of a turn that was dispatched elsewhere, or before."""
    notes = [f"session {result.session_id}"]
    if result.task_summary:
        notes.append(f"task: {result.task_summary}")
    title = str(result.outcome)
    if result.asks:
        title = f"{title}, asks"
    if result.reason is Reason.NEEDS_INPUT:
        title = "needs input"
    if result.asks or result.reason is Reason.NEEDS_INPUT:
        notes.append(f'dx-dispatch --session {result.session_id} "ANSWER"')
    return Message(title=f"{title}: {result.host}", body=result_line(result), notes=tuple(notes))


def session_notes(ids: Mapping[str, str]) -> tuple[str, ...]:
    """Which sessions they are, and how to follow them."""
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
    """How it went on one host."""
    facts = [str(result.outcome), str(result.reason or ""), seconds(result.duration_ms)]
    if isinstance(result, TurnResult):
        if result.asks:
            facts.append("ends with a question")
        if result.branch:
            facts.append(f"branch {result.branch}")
        if result.changes is not None and not result.changes.nothing:
            facts.append(f"{result.changes.commits} commit(s), {result.changes.files} file(s)")
    if result.error:
        facts.append(summarize(result.error.removeprefix(f"{result.host}: "), ERROR_LENGTH))
    return f"{result.host}: {' · '.join(each for each in facts if each)}"


def seconds(milliseconds: int) -> str:
    """Empty where it is not known."""
    return f"{milliseconds / 1000:.1f} s" if milliseconds else ""
