"""The tool that runs a command, as ``--exec`` does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dxansible.cli.audit import audited
from dxansible.cli.events import telling_events
from dxansible.fleet import FanoutOptions
from dxansible.ids import new_run_id
from dxansible.mcp.sight import Sight
from dxansible.mcp.tools import COMMAND_SECONDS, MOST_BYTES
from dxansible.mcp.work import Work
from dxansible.results import exit_code
from dxansible.run.calls import CommandCall
from dxansible.run.fanout import follow_call
from dxansible.run.history import Recorder
from dxansible.seen import Sighting, note_sessions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dxansible.cli.table import Options
    from dxansible.mcp.work import Answer

__all__ = ["execute"]


def execute(options: Options, given: Mapping[str, Any], *, agreed: bool) -> Work:
    """Run a command; on many hosts only if a person has agreed."""
    run_id = given.get("run_id") or new_run_id()
    chosen = FanoutOptions(
        timeout_sec=given.get("timeout", COMMAND_SECONDS),
        most_hosts=None if agreed else options.confirm_above,
        run_id=run_id,
        env=given.get("env", {}),
        cwd=given.get("cwd", ""),
        settings=options.settings(),
    )
    call = CommandCall(given["target"], given["command"], chosen)
    sight = Sight(run_id=run_id, limit=given.get("limit", MOST_BYTES))
    return Work(lambda answer: _follow(options, call, sight, answer), sight, run_id)


def _follow(options: Options, call: CommandCall, sight: Sight, answer: Answer) -> None:
    """Follow the command to its end, for the record of runs and the audit trail too."""
    note_sessions([Sighting(id=call.run_id, kind="command", host=call.pattern)])
    recorder = Recorder(call)
    with (
        audited(options, call.pattern, call.text) as audit,
        telling_events(options, call.run_id, lambda: None) as events,
    ):
        audit.expect_command(call.run_id)
        results = follow_call(call, [sight, recorder, *audit.observers, *events.observers])
        recorder.finish(results)
        document = sight.document_of(results, exit_code(results))
        answer(document)
        events.note(results, document["exit_code"])
        audit.commands(results)
