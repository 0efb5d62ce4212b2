"""Renders sessions as text for people and as JSON for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.record import FanoutOutcome
from dxansible.redact import printable, summarize
from dxansible.render.commands import OUTCOME_COLOURS
from dxansible.render.documents import document, error_document, problem_of
from dxansible.render.show import coloured
from dxansible.render.tables import NOTHING, columns, duration, missing_notes, table
from dxansible.results import worst
from dxansible.states import ListedState
from dxansible.value import replace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dxansible.errors import NoFreeHost
    from dxansible.jules.model import JulesResult
    from dxansible.record import Usage
    from dxansible.results import CleanResult, SessionInfo, TurnResult
    from dxansible.run.listing import SessionList

__all__ = [
    "STATE_COLOURS",
    "agent_of",
    "clean_document",
    "clean_text",
    "commands_text",
    "comment",
    "end_comment",
    "finalize_document",
    "finalize_line",
    "lines",
    "no_choice_document",
    "sessions_document",
    "sessions_table",
    "state_of",
    "status_document",
    "status_text",
    "turn_line",
    "turns_document",
]

STATE_COLOURS: Mapping[str, str] = {
    ListedState.RUNNING: "cyan",
    ListedState.WAITING: "blue",
    ListedState.SCHEDULED: "blue",
    ListedState.LIMITED: "blue",
    ListedState.SUCCEEDED: "green",
    ListedState.FAILED: "red",
    ListedState.LOST: "red",
    ListedState.NEEDS_INPUT: "magenta",
    ListedState.TIMEOUT: "yellow",
    ListedState.ABORTED: "yellow",
}
_SESSIONS = columns(
    "SESSION", "VM", "AGENT", "STATE", "AGE", "IDLE", "BEADS", "TASK",
    shown="STATE",
    leave=("TASK", "BEADS", "IDLE", "AGENT", "AGE"),
    text=("TASK",),
)  # fmt: skip


def turns_document(results: Sequence[TurnResult | JulesResult], code: int) -> str:
    """Return the JSON document of a start, or of a session that was followed."""
    ended = [result.outcome for result in results if result.outcome is not None]
    outcome = worst(ended) if ended and len(ended) == len(results) else None
    told = [result.to_dict() for result in results]
    return document(outcome=outcome, exit_code=code, results=told)


def no_choice_document(error: NoFreeHost, *, as_event: bool = False) -> str:
    """Return the JSON document, or the last event, for ``any:`` without a free host."""
    if as_event:
        return error_document(error, as_event=True)
    outcome, problem = FanoutOutcome.PREFLIGHT_FAILED, problem_of(error)
    return document(outcome=outcome, exit_code=error.exit_code, results=[], error=problem)


def turn_line(result: TurnResult, width: int = 0, *, timed: bool = True) -> str:
    """Return one line about a turn: outcome, duration, changes, and what to do.

    Not ``timed``: the duration is that of a call that has only read about the turn.
    """
    if result.starts_s is not None:
        back = f"starts in {duration(result.starts_s)}; stop it with: dx-dispatch --abort"
        state = coloured("scheduled", "cyan")
        return f"{result.host:<{width}}  {state}  {back} {result.session_id}"
    if result.outcome is None:
        back = f"goes on; come back with: dx-dispatch --logs {result.session_id} --follow"
        return f"{result.host:<{width}}  {coloured('running', 'cyan')}  {back}"
    outcome = coloured(f"{result.outcome:<16}", OUTCOME_COLOURS.get(result.outcome))
    line = f"{result.host:<{width}}  {outcome}  {result.session_id or '-'}"
    notes = [f"turn {result.turn}"] if result.turn else []
    if result.duration_ms and timed:
        notes.append(f"{result.duration_ms / 1000:.1f} s")
    notes += _changes(result)
    if result.asks:
        notes.append("ends with a question; answer with --session")
    if result.outcome is FanoutOutcome.SUCCESS and result.message == "":
        notes.append("its last message is empty")
    if result.left_running:
        notes.append(f"left {result.left_running} process(es) running")
    notes += missing_notes(result.truncation)
    if result.error:
        notes.append(printable(result.error.removeprefix(f"{result.host}: ")))  # ends with a remedy
    return "  ".join([line, *notes])


def _changes(result: TurnResult) -> list[str]:
    changes = result.changes
    if changes is None:
        return []
    if changes.nothing:
        return ["no changes"]
    dirty = ", not all committed" if changes.dirty else ""
    where = f" on {result.branch}" if result.branch else ""
    return [f"{changes.commits} commit(s), {changes.files} file(s) changed{dirty}{where}"]


def sessions_document(found: SessionList, code: int) -> str:
    """Return the JSON document of ``--sessions``."""
    sessions = [each.to_dict() for each in found.sessions]
    return document(exit_code=code, sessions=sessions, errors=found.errors)


def sessions_table(found: SessionList, width: int | None = None) -> str:
    """Return a table of sessions, or a line that says that there are none.

    ``width`` is that of the terminal; None if there is none.
    """
    if not found.sessions and found.errors:
        count = len(found.answered)
        return f"no sessions on the {count} VM(s) that answered\n" if count else ""
    if not found.sessions:
        return "no sessions\n"
    rows = [
        (
            each.session_id,
            each.started_for or each.host,
            agent_of(each),
            state_of(each),
            duration(each.age_s),
            duration(each.idle_s),
            each.beads or NOTHING,
            each.task or NOTHING,
        )
        for each in found.sessions
    ]
    colours = [STATE_COLOURS.get(each.state) for each in found.sessions]
    return table(_SESSIONS, rows, colours, width)


def state_of(info: SessionInfo) -> str:
    """Return the state of a session for people."""
    if info.gives_up_s is not None:
        return f"{info.state}, gives up in {duration(info.gives_up_s)}"
    if info.starts_s is not None:
        return f"{info.state}, starts in {duration(info.starts_s)}"
    if info.resumes_s is not None:
        return f"{info.state}, goes on in {duration(info.resumes_s)}"
    return f"{info.state}, asks" if info.asks else info.state


def agent_of(info: SessionInfo) -> str:
    """Return the name of a session's agent, for a table."""
    return "(command)" if info.kind == "command" else info.agent or NOTHING


def status_document(info: SessionInfo, result: TurnResult) -> str:
    """Return the JSON document of ``--status SES``."""
    return document(exit_code=0, session=info.to_dict(), last_turn=result.to_dict())


def status_text(info: SessionInfo, result: TurnResult) -> str:
    """Return all known fields of one session, one a line."""
    state = coloured(state_of(replace(info, asks=False)), STATE_COLOURS.get(info.state))
    return lines({
        "session": info.session_id,
        "vm": info.host,
        "state": state,
        "reason": None if result.running else str(result.reason),
        "error": result.error,
        "missing": "; ".join(missing_notes(result.truncation)) or None,
        "agent": info.agent,
        "its id": result.native_id,
        "turns": str(info.turns),
        "age": duration(info.age_s),
        "idle": duration(info.idle_s),
        "beads": info.beads,
        "repo": info.repo,
        "branch": result.branch,
        "directory": result.directory,
        "changes": "; ".join(_changes(result)) or None,
        "usage": _usage(info.usage),
        "task": info.task,
        "asks": "its last message ends with a question" if info.asks else None,
        "message": "(empty)" if result.message == "" else result.message,
    })  # fmt: skip


def _usage(usage: Usage | None) -> str | None:
    """Return tokens and cost in words; None if the agent told nothing."""
    if usage is None:
        return None
    tokens = {
        "in": usage.input_tokens, "out": usage.output_tokens, "from a cache": usage.cached_tokens
    }  # fmt: skip
    words = [f"{number} {name}" for name, number in tokens.items() if number is not None]
    told = [f"tokens: {', '.join(words)}"] if words else []
    if usage.cost_usd is not None:
        told.append(f"cost: ${usage.cost_usd:.4f}")
    if usage.turns_untold:
        told.append(f"without {usage.turns_untold} turn(s) that did not tell")
    return "; ".join(told)


def commands_text(found: SessionList) -> str:
    """Return all known fields of each command of one run, as `status_text` does."""
    return "\n".join(map(_command_text, found.sessions))


def _command_text(info: SessionInfo) -> str:
    return lines({
        "session": info.session_id,
        "vm": info.host,
        "state": coloured(state_of(info), STATE_COLOURS.get(info.state)),
        "reason": info.reason if info.ended else None,
        "error": info.error or info.message,
        "exit code": None if info.exit_code is None else str(info.exit_code),
        "age": duration(info.age_s),
        "idle": duration(info.idle_s),
        "command": info.task,
    })  # fmt: skip


def lines(known: Mapping[str, str | None]) -> str:
    """Return a line for each name with a value; further lines of a value are indented."""
    told = {name: (value or "").strip("\n") for name, value in known.items()}
    rows = [(name, value.replace("\n", f"\n{'':<11}")) for name, value in told.items() if value]
    return "".join(f"{name:<10} {value}\n" for name, value in rows)


def comment(result: TurnResult) -> str:
    """Return the comment on an issue about a session that was started for it."""
    where = f"session {result.session_id} on {result.host}"
    if result.starts_s is not None:
        return f"dx-dispatch: {where} starts in {duration(result.starts_s)}"
    if result.outcome is None:
        return f"dx-dispatch started {where}"
    facts = (
        "it ends with a question" if result.asks else "",
        f"branch: {result.branch}" if result.branch else "",
    )
    return end_comment(where, result, *facts)


def end_comment(where: str, result: TurnResult | JulesResult, *facts: str) -> str:
    """Return the comment on an issue about the end of the work at ``where``."""
    error = summarize(result.error, 400) if result.error else ""
    first = f"dx-dispatch: {where} ended: {result.outcome}"
    return "\n".join(filter(None, (first, f"reason: {result.reason}", *facts, error)))


def finalize_document(result: TurnResult, code: int) -> str:
    """Return the JSON document of a finalize."""
    told = result.to_dict() | {"pull_request": result.push.url if result.push else None}
    return document(outcome=result.outcome, exit_code=code, results=[told])


def finalize_line(result: TurnResult) -> str:
    """Return one line about a finalize: the branch and its pull request, or what to do."""
    if result.outcome is None:
        back = f"goes on; see how it ends: dx-dispatch --finalize-pr {result.session_id} --queue"
        return f"{result.host}  {coloured('running', 'cyan')}  {back}"
    line = turn_line(result)
    if result.outcome is not FanoutOutcome.SUCCESS or result.push is None:
        return line
    push = result.push
    origins = {"found": "was open already", "merged": "was merged already"}
    origin = origins.get(str(push.pull_request_origin), "opened")
    return f"{line}  {push.branch} is pushed, its pull request {origin}"


def clean_document(results: Sequence[CleanResult], code: int, *, dry_run: bool = False) -> str:
    """Return the JSON document of ``--clean``."""
    hosts = [each.to_dict() for each in results]
    return document(exit_code=code, dry_run=dry_run, hosts=hosts)


def clean_text(results: Sequence[CleanResult], *, dry_run: bool = False) -> str:
    """Return the sessions that were (or would be) removed, and why others were kept."""
    lines = []
    for each in results:
        done = f"{len(each.removed)} session(s) removed"
        if dry_run:
            done = f"{len(each.removable)} session(s) would be removed"
        lines.append(each.error or f"{each.host}: {done}")
        lines += [f"  would remove {name}" for name in each.removable if dry_run]
        lines += [f"  kept {name}: {why}" for name, why in each.kept.items()]
    return "\n".join(lines) + "\n"
