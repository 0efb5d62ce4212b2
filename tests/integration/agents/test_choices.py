"""What the real agents make of a model, of files, and of a turn in which they change nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.agents.test_real_agents import every_agent, work_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.agents.conftest import Shop

pytestmark = pytest.mark.resident

_MODELS = {
    "opencode": "scripted/m-2",
    "claude": "opus-99",
    "codex": "gpt-99",
    "gemini": "gemini-99",
}


@every_agent
def test_it_plans_with_the_chosen_model_and_works_in_the_next_turn(
    shop: Shop, agent: str, tmp_path: Path
) -> None:
    shop.new_repository(f"plan-{agent}")
    spec = tmp_path / "spec.txt"
    spec.write_text("the words of the spec")
    model = _MODELS[agent]
    write = "RUN: echo made >made.txt; echo more >>one"
    task = f"Make a plan\n{write}"
    shop.model.models.clear()
    first = work_of(
        shop, task, "--agent", agent, "--repo", f"~/plan-{agent}",
        "--plan", "--model", model, "--attach", str(spec),
    )  # fmt: skip

    assert (first["outcome"], first["changes"]["no_changes"]) == ("SUCCESS", True)
    assert model.rpartition("/")[2] in shop.model.models

    shop.model.models.clear()
    task = f"Do it\n{write}\nRUN: cat $DX_ATTACHMENTS/spec.txt"
    second = work_of(shop, task, "--session", first["session_id"], "--attach", str(spec))
    assert (second["outcome"], second["changes"]["files"]) == ("SUCCESS", 2)
    assert model.rpartition("/")[2] in shop.model.models
    place = f"/sessions/{first['session_id']}.2/attachments/spec.txt"
    assert any("Do it" in each and place in each for each in shop.model.prompts)
    assert "the words of the spec" in shop.model.results[-1]
    patch = shop.user.run("--diff", first["session_id"]).out.decode()
    assert "+made" in patch
    assert "spec" not in patch
