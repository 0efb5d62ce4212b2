"""The simulation's interpreter of sh, and its model of git, do as the real ones do."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.sample import EVERY_CASE
from tests.simulation.claims.replay import make_serial, modelled, replayed
from tests.unit.collection.test_turn import SHELLS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="no git")

HISTORIES = 100 if EVERY_CASE else 3


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("number", range(HISTORIES))
def test_the_model_of_claims_does_as_git_and_the_shell_do(
    tmp_path: Path, shell: str, number: int
) -> None:
    if not shutil.which(shell):
        pytest.skip(f"no {shell}")
    plan = make_serial(number * len(SHELLS) + list(SHELLS).index(shell))
    history, expected = modelled(plan)

    assert replayed(history, tmp_path / "real", SHELLS[shell]) == expected, plan
