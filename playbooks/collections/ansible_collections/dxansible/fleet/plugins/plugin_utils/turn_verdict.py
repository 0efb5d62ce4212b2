# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Decides the outcome of an agent's turn.

Success needs exit code 0 of the agent, and the end of the turn in the agent's event stream.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from . import verdict
from .evidence import Evidence
from .machine import THIS_MACHINE
from .question import ends_with_question
from .record import FanoutOutcome, Reason, Verdict
from .states import SessionState
from .turn import LONGEST_LIMIT, Trailer
from .verdict import failure

if TYPE_CHECKING:
    from .agents import Agent
    from .evidence import NoRecord
    from .keeper_reply import Session
    from .stream_reader import StreamReader


class TurnVerdict(Verdict):
    """The verdict on a turn that an agent has ended by itself."""

    asks: bool = False
    """The turn succeeded, and the agent's last message ends with a question."""


_OVERTAKEN = "another client's prompt came first"
_LATEST = 10**11
"""Seconds since the epoch; no limit resets later."""


def judge(
    host: str, agent: Agent, reply: Session, reader: StreamReader, limits: dict[str, float]
) -> Verdict:
    """The verdict on a turn that has ended. The reader has read the turn's output.

    ``limits`` are the turn's ``timeout`` and ``idle`` in seconds, for the text.
    """
    if reply.state == SessionState.IDLE:
        return _idle(host, agent, reply, reader, limits.get("idle", 0))
    if reply.state != SessionState.EXITED:
        return verdict.from_reply(host, reply, limits.get("timeout"))
    trailer = Trailer.parse(reader.trailer)
    if trailer.problem is not None:
        text = f"{host}: {trailer.message or trailer.problem}"
        return failure(_problem(trailer.problem), text)
    reason, text = _complaint(agent, reply, reader, trailer)
    if reason is None:
        decided = verdict.from_reply(host, reply, None)
        asks = decided.outcome is FanoutOutcome.SUCCESS and _asks(agent, reader)
        return TurnVerdict(**vars(decided), asks=asks)
    code = reply.code
    text = f"{host}: {text}" + (f" (exit code {code})" if code else "")
    return failure(reason, text, exit_code=code, left_running=reply.left)


def _problem(word: str) -> Reason:
    """The reason from the script on the VM; VM_ERROR for a reason of another release."""
    return Reason(word) if word in set(Reason) else Reason.VM_ERROR


def _complaint(  # noqa: PLR0911 - a case each
    agent: Agent, reply: Session, reader: StreamReader, trailer: Trailer
) -> tuple[Reason | None, str]:
    if trailer.code == 0 and trailer.verify:
        return Reason.VERIFY_FAILED, "the agent finished, but the --verify check failed"
    if reply.limited is not None:
        return Reason.USAGE_LIMIT, _limit_text(agent, reader, reply.limited)
    if reader.needs_input:
        return Reason.NEEDS_INPUT, (
            f"{agent.name} needs a decision; read its message and answer with --session"
        )
    if reader.problem is not None and not reader.finished:
        return Reason.AGENT_ERROR, f"{agent.name}: {reader.problem}"
    if reply.code:
        known = reader.problem or reader.error_words or agent.exit_codes.get(reply.code)
        return (Reason.AGENT_ERROR, f"{agent.name}: {known}") if known else (None, "")
    if agent.fault:
        return Reason.AGENT_INVALID, (
            f"{agent.name} ended with exit code 0, but its output can't be judged: {agent.fault}"
        )
    if agent.reports_end and not reader.finished:
        if reply.full:
            why = (
                "but did not report the end of its turn; the VM's disk was full, so its output is "
                "incomplete: free some space there"
            )
        elif reader.end_unread:
            why = (
                "but its last event is too long, or was cut off; so it is unknown whether its turn "
                "ended"
            )
        else:
            why = "but did not report the end of its turn; it may have been interrupted"
        return Reason.NO_END_OF_TURN, f"{agent.name} ended with exit code 0 {why}"
    return None, ""


def _limit_text(agent: Agent, reader: StreamReader, resets_at: int) -> str:
    words = (reader.problem or "its usage limit is reached").rstrip(".")
    when = "it did not say when the limit resets"
    if 0 < resets_at < _LATEST:
        when = f"the limit resets at {_moment(resets_at)}"
    text = f"{agent.name}: {words}; {when}; go on with --session then"
    if resets_at - THIS_MACHINE.wall() > LONGEST_LIMIT:
        return text
    return f"{text}, or let the VM wait next time: --on-limit wait"


def _moment(seconds: float) -> str:
    """A time in words, from the seconds since the epoch."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


def _asks(agent: Agent, reader: StreamReader) -> bool:
    return not (agent.runs_task or reader.silent) and ends_with_question(reader.message or "")


def _idle(host: str, agent: Agent, reply: Session, reader: StreamReader, seconds: float) -> Verdict:
    limit = f"{seconds:g} s" if seconds else "its idle limit"
    known = None if reader.finished else reader.problem
    words = f"; last error: {known}" if known else ""
    text = f"{host}: {agent.name} made no progress for {limit}{words}"
    return verdict.stopped(FanoutOutcome.TIMEOUT, Reason.IDLE, text, reply)


def busy(host: str, session: str, state: str = "", resumes: int | None = None) -> Verdict:
    """The verdict on a prompt that came while another turn was scheduled, or running.

    ``state`` is that turn's; empty if the turn came first only after we had looked. ``resumes``
    are the seconds until it goes on, if it waits for a usage limit.
    """
    text = "a turn of this session is already running" if state else _OVERTAKEN
    if resumes is not None:
        moment = _moment(THIS_MACHINE.wall() + resumes)
        text = f"a turn of this session waits until {moment} for its agent's usage limit to reset"
    if state == SessionState.SCHEDULED:
        return failure(
            Reason.SESSION_BUSY,
            f"{host}: a turn of this session starts later; add --queue to wait for its end, "
            f"or stop it: dx-dispatch --abort {session}",
        )
    return failure(
        Reason.SESSION_BUSY,
        f"{host}: {text}; wait for it (dx-dispatch --logs {session} --follow), "
        "or add --queue to wait",
    )


def not_gone(host: str, session: str) -> Verdict:
    """The verdict on a prompt for a session whose last turn may still be at work."""
    return failure(
        Reason.SESSION_BUSY,
        f"{host}: some processes of the last turn may still be running; "
        f"check the VM, and see: dx-dispatch --abort {session}",
    )


def unknown(host: str, session: str, proof: NoRecord) -> Verdict:
    """The verdict on a session of which the VM has no turn."""
    text = f"{host} has no session {session}; see: dx-dispatch --sessions"
    return verdict.no_session(text, proof)


def no_conversation(host: str, agent: str) -> Verdict:
    """The verdict on a session whose agent ended before its conversation began."""
    return failure(
        Reason.NO_CONVERSATION,
        f"{host}: {agent} ended before its conversation began, so there is nothing to "
        "resume; start a new session",
    )


def no_directory(host: str, agent: str, native_id: str) -> Verdict:
    """The verdict on a conversation begun by hand, if the agent can't tell its directory."""
    return failure(
        Reason.DIRECTORY_UNUSABLE,
        f"{host}: the record of {agent} has no directory_of to find the directory of the "
        f"conversation {native_id}; name the directory with --dir PATH",
    )


def no_program(host: str, program: str, path: str) -> Verdict:
    """The verdict on an agent whose program is in none of the directories of ``path``."""
    text = (
        f"{host}: {program} is not on the PATH of sessions there ({path}); "
        "install it, or add its directory to dx_path in the inventory"
    )
    return verdict.unchecked(Reason.AGENT_MISSING, text, Evidence.TOLD)


def wrong_agent(host: str, problem: str, joined: Evidence) -> Verdict:
    """The verdict on an agent that is unknown or has an invalid record."""
    return verdict.unchecked(Reason.AGENT_INVALID, f"{host}: {problem}", joined)


def too_dear(host: str, session: str, cost: float, limit: object) -> Verdict:
    """The verdict on a prompt for a session that has cost as much as it may."""
    return failure(Reason.NEEDS_INPUT, f"{host}: {cost_text(session, cost, limit)}")


def cost_text(session: str, cost: float, limit: object) -> str:
    """The question of a session that has cost as much as it may."""
    return (
        f"the session has cost ${cost:.2f} of at most ${limit:.2f}; to go on, allow more: "
        f'dx-dispatch --session {session} --max-cost USD "TASK"'
    )


def tells_no_cost(agent: str) -> str:
    """The error for a limit on the cost of an agent that does not tell its cost."""
    return f"{agent} does not tell what it costs, so --max-cost has no effect; leave it out"


def tells_no_limit(agent: str) -> str:
    """The error for ``--on-limit wait`` with an agent whose record has no ``usage_limit``."""
    return f"the record of {agent} has no usage_limit, so --on-limit wait can't work; leave it out"


def runs_task(agent: str) -> str:
    """The error for a text of strangers, given to an agent that would run it as a program."""
    return (
        f"{agent} would run the issue's text as a program; choose another agent with --agent, "
        "or give a task of your own"
    )
