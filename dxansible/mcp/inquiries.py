"""The tools about what there is: hosts, sessions and commands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dxansible.cli.noted import note_listed
from dxansible.fleet import FanoutOutcome, check_hosts
from dxansible.mcp.sight import Sight
from dxansible.mcp.tools import MOST_SESSIONS
from dxansible.mcp.work import Work
from dxansible.render import commands as commands_render
from dxansible.render import sessions as sessions_render
from dxansible.sessions import list_sessions
from dxansible.slack.turn_ends import telling_ends

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dxansible.cli.table import Options
    from dxansible.mcp.work import Answer

__all__ = ["list_hosts", "list_work"]


def list_hosts(options: Options, given: Mapping[str, Any]) -> Work:
    """Check the hosts, as ``--list`` does."""
    settings, pattern = options.settings(), given.get("target", "all")

    def run(answer: Answer) -> None:
        results = check_hosts(pattern, settings=settings, survey=True)
        answer(json.loads(commands_render.health_document(results)))

    return Work(run, Sight())


def list_work(options: Options, given: Mapping[str, Any]) -> Work:
    """List sessions and commands, as ``--sessions`` does, up to a number."""
    settings, most = options.settings(), given.get("limit", MOST_SESSIONS)

    def run(answer: Answer) -> None:
        with telling_ends() as tellers:
            found = list_sessions(
                given.get("target", "all"), settings, only=given.get("kind"),
                observers=tellers, claim_ends=bool(tellers),
            )  # fmt: skip
            note_listed(found.sessions)
            left_out = max(0, len(found.sessions) - most)
            del found.sessions[most:]
            code = FanoutOutcome.PREFLIGHT_FAILED.exit_code if found.errors else 0
            document = json.loads(sessions_render.sessions_document(found, code))
            answer({**document, "left_out": left_out})

    return Work(run, Sight())
