"""The tools that hand work to agents: a new session, a further turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dxansible.cli.attachments import read_attachments
from dxansible.cli.audit import keep_trail
from dxansible.cli.events import telling_events
from dxansible.cli.noted import Noted
from dxansible.mcp.placing import find_target
from dxansible.mcp.sight import Sight, document_of_turns
from dxansible.mcp.work import Work
from dxansible.run.calls import TaskCall
from dxansible.run.start import follow_task
from dxansible.sessions import SessionOptions, locate, resolve_session
from dxansible.slack.opening import open_trail
from dxansible.value import replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dxansible.cli.table import Options
    from dxansible.mcp.work import Answer
    from dxansible.run.events import Observer

__all__ = ["dispatch", "reply"]


def dispatch(options: Options, given: Mapping[str, Any]) -> Work:
    """Start a session."""
    chosen = SessionOptions(
        agent=given.get("agent"),
        repo=given.get("repo"),
        directory=given.get("dir"),
        model=given.get("model"),
        plan=given.get("plan", False),
        verify=given.get("verify"),
        timeout_sec=given.get("timeout"),
        run_id=given.get("run_id"),
        settings=options.settings(),
    )
    sight = Sight()

    def run(answer: Answer) -> None:
        target = find_target(given["target"], chosen, given["task"])
        whole = replace(chosen, attachments=read_attachments(given.get("attach", ())))
        _start(options, target, given["task"], whole, sight, answer)

    return Work(run, sight)


def reply(options: Options, given: Mapping[str, Any]) -> Work:
    """Continue a session."""
    settings = options.settings()
    chosen = SessionOptions(
        session=given["session"],
        queue=given.get("queue", False),
        verify=given.get("verify"),
        timeout_sec=given.get("timeout"),
        run_id=given.get("run_id"),
        settings=settings,
    )
    sight = Sight()

    def run(answer: Answer) -> None:
        session = resolve_session(given["session"], settings)
        known = replace(chosen, session=session)
        _start(options, locate(session, settings), given["task"], known, sight, answer)

    return Work(run, sight, given["session"])


def _start(  # noqa: PLR0913, PLR0917 - what a start needs
    options: Options,
    target: str,
    task: str,
    chosen: SessionOptions,
    sight: Sight,
    answer: Answer,
) -> None:
    """Hand over the task, and answer once the VMs have it."""
    trail = open_trail(options.slack)
    if trail is not None:
        chosen = replace(chosen, trail=trail.id)
    call = TaskCall(target, task, chosen, claim_ends=trail is not None)
    call_id = chosen.session or call.run_id
    sight.run_id = None if chosen.session else call.run_id
    with (
        keep_trail(trail, options, target, call.text) as audit,
        telling_events(options, call_id, lambda: None) as events,
    ):
        audit.expect_turns(chosen.settings)
        told: list[Observer] = [sight, Noted(), *audit.observers, *events.observers]
        results = follow_task(call, told)
        document = document_of_turns(results)
        answer(document)
        events.note(results, document["exit_code"])
        audit.turns(results)
