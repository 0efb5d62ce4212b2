"""Shows sessions, and chooses a host by what runs there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dxansible.cli.noted import note_listed
from dxansible.cli.terminal import SCREEN
from dxansible.record import FanoutOutcome
from dxansible.render import sessions as render
from dxansible.render.progress import showing_progress
from dxansible.render.show import emit, show, terminal_width
from dxansible.render.tables import indented
from dxansible.run.attach_sessions import find_commands, find_session, follow_session
from dxansible.run.listing import list_sessions
from dxansible.run.patterns import ANY
from dxansible.run.preflight import choose_host
from dxansible.slack.turn_ends import telling_ends

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dxansible.cli.table import Options
    from dxansible.run.listing import SessionList
    from dxansible.run.options import SessionOptions

__all__ = ["choose_target", "show_commands", "show_sessions", "show_status"]


def choose_target(options: Options, chosen: SessionOptions) -> str | None:
    """Return the host for ``any:PATTERN``; None, with a message, if none is free."""
    pattern = (options.target or "").removeprefix(ANY)
    choice = choose_host(pattern, chosen.settings, agent=chosen.agent)
    if choice.host is None:
        problem = choice.problem
        if options.detach:
            raise problem  # the process that has called us shows it
        if options.json or options.jsonl:
            emit(render.no_choice_document(problem, as_event=options.jsonl))
        else:
            show(f"dx-dispatch: {problem.message}", err=True)
        return None
    show(f"{choice.host} chosen: {choice.why}", err=True)
    return choice.host


def show_sessions(options: Options) -> int:
    """``--sessions [TARGET]``."""
    pattern = "all" if options.target is None else options.target
    with telling_ends() as tellers:
        with showing_progress(SCREEN, wanted=not options.quiet) as progress:
            found = list_sessions(
                pattern,
                options.settings(),
                only=options.only,
                observers=[*progress, *tellers],
                claim_ends=bool(tellers),
            )
        return _show_list(options, found, render.sessions_table(found, terminal_width()))


def _show_list(options: Options, found: SessionList, text: str) -> int:
    note_listed(found.sessions)
    code = FanoutOutcome.PREFLIGHT_FAILED.exit_code if found.errors else 0
    if options.json:
        emit(render.sessions_document(found, code))
        return code
    show(text, end="")
    for error in found.errors.values():
        show(indented(error, terminal_width()), err=True, end="")
    return code


def show_commands(options: Options, session_ids: Sequence[str]) -> int:
    """``--status ID``: everything about the commands of one run."""
    found = find_commands(session_ids, options.settings())
    return _show_list(options, found, render.commands_text(found))


def show_status(options: Options) -> int:
    """``--status SES``: everything about one session."""
    session, settings = options.status or "", options.settings()
    with telling_ends() as tellers:
        info = find_session(session, settings, observers=tellers, claim_ends=bool(tellers))
    result = follow_session(session, settings, turn=info.turn, tail=True, wait=False)
    if options.json:
        emit(render.status_document(info, result))
    else:
        show(render.status_text(info, result), end="")
    return 0
