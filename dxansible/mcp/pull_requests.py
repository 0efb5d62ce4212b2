"""The tool that opens the pull request of a session."""

from __future__ import annotations

import json
import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from dxansible.cli.finalize import exit_code_of, finalize_options, open_request
from dxansible.mcp.sight import Sight
from dxansible.mcp.work import Work
from dxansible.render import sessions as render
from dxansible.services import GitHubSettings
from dxansible.sessions import resolve_session
from dxansible.value import replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dxansible.cli.table import Options
    from dxansible.mcp.work import Answer
    from dxansible.results import TurnResult

__all__ = ["open_pull_request"]


def open_pull_request(options: Options, given: Mapping[str, Any]) -> Work:
    """Open the pull request of a session, as ``--finalize-pr`` does."""
    asked = replace(
        options,
        finalize_pr=given["session"],
        beads=given.get("beads"),
        base=given.get("base"),
        draft=given.get("draft", False),
    )
    sight, github, chosen = Sight(), GitHubSettings.load(), finalize_options(asked)

    def run(answer: Answer) -> None:
        session = resolve_session(given["session"], chosen.settings)

        def report(result: TurnResult) -> None:
            answer(json.loads(render.finalize_document(result, exit_code_of(result))))

        watched = nullcontext([sight])
        open_request(asked, session, chosen, github, watched, threading.Event(), report=report)

    return Work(run, sight, given["session"])
