"""What an agent may choose for the session that it dispatches: model, read-only mode, and files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.mcp.agent import Agent
from tests.integration.sessions.test_choices import inventory

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.dispatcher import Dispatcher

__all__ = ["inventory"]

pytestmark = pytest.mark.resident


def test_a_session_gets_its_model_its_mode_and_its_files(user: Dispatcher, tmp_path: Path) -> None:
    spec = tmp_path / "spec.txt"
    spec.write_bytes(b"the spec\n")
    ask = {"target": "epyc6", "task": "Look here"}
    chosen = {"model": "a/b", "plan": True, "attach": [str(spec)]}
    begun, missing, wrong = Agent(user).calls(
        ("dispatch", ask | chosen),
        ("dispatch", ask | {"attach": ["/no/such"]}),
        ("dispatch", ask | {"model": "two words"}),
    )
    (ended,) = Agent(user).calls(("logs", {"id": begun["id"], "wait": 20}))

    assert ended["outcome"] == "SUCCESS", ended
    said = ended["results"][0]["message"]
    assert said.startswith("[read][--model=a/b][--read=/"), said
    assert said.endswith("/spec.txt\nthe spec\n")
    assert "/no/such can't be read" in missing["error"]["message"]
    assert "can't be a model" in wrong["error"]["message"]
