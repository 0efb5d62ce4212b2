"""The tools about a session or a command by its id."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from dxansible.errors import Declined
from dxansible.fleet import FanoutOutcome, abort_commands, follow_commands
from dxansible.ids import is_command, run_of
from dxansible.mcp.sight import Sight, document_of_turns
from dxansible.mcp.tools import MOST_BYTES
from dxansible.mcp.work import Work
from dxansible.results import exit_code
from dxansible.sessions import abort_session, follow_session, resolve_id
from dxansible.slack.turn_ends import telling_ends

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dxansible.cli.table import Options
    from dxansible.mcp.work import Answer
    from dxansible.results import FanoutResult, TurnResult
    from dxansible.settings import Settings

__all__ = ["read_logs", "stop"]


def read_logs(options: Options, given: Mapping[str, Any]) -> Work:
    """Follow a session or a command, until `Work.leave` is set; without a wait, until now."""
    settings, wait, leave = options.settings(), given.get("wait", 0), threading.Event()
    sight = Sight(
        offset=given.get("offset", 0), limit=given.get("limit", MOST_BYTES), wait=wait, leave=leave
    )

    def run(answer: Answer) -> None:
        found = resolve_id(given["id"], settings)
        if is_command(found[0]):
            _follow_commands(found, settings, sight, leave, answer)
            return
        with telling_ends() as tellers:
            result = follow_session(
                found[0], settings, wait=wait > 0, observers=[sight, *tellers], cancelled=leave,
                claim_ends=bool(tellers),
            )  # fmt: skip
            if leave.is_set() and result.turn is None:  # no news, so the result says nothing
                answer(sight.unfinished())
                return
            answer(sight.document(document_of_turns([result])))

    return Work(run, sight, given["id"], leave=leave)


def _follow_commands(
    found: Sequence[str], settings: Settings, sight: Sight, leave: threading.Event, answer: Answer
) -> None:
    sight.run_id = run_of(found[0])
    results = follow_commands(found, settings, observers=[sight], cancelled=leave)
    if len(results) < len(found):
        answer(sight.unfinished())
        return
    answer(sight.document_of(results, exit_code(results)))


def stop(options: Options, given: Mapping[str, Any], *, agreed: bool) -> Work:
    """Stop a session or a command, as ``--abort`` does, once a person has agreed."""
    settings, sight = options.settings(), Sight()

    def run(answer: Answer) -> None:
        found = resolve_id(given["id"], settings)
        if not agreed:
            sight.unconfirmed = (found[0] if len(found) == 1 else run_of(found[0]),)
            raise Declined
        if is_command(found[0]):
            commands = abort_commands(found, settings)
            answer(sight.document_of(commands, _code(commands)))
            return
        with telling_ends() as tellers:
            turn = abort_session(found[0], settings, observers=tellers, claim_ends=bool(tellers))
            answer(document_of_turns([turn], _code([turn])))

    return Work(run, sight, given["id"])


def _code(results: Sequence[FanoutResult] | Sequence[TurnResult]) -> int:
    """Return 0 if the stop is verified everywhere, as ``--abort`` does."""
    gone = all(each.stop_verified for each in results)
    return 0 if gone else FanoutOutcome.FAILURE.exit_code
