"""The tests that may find a mutant of a part, the cheapest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["SUITES"]

_SIMULATION = ("tests/simulation/test_simulation.py",)
_RUNS = (
    "tests/unit/collection/test_command_run.py",
    "tests/unit/collection/test_start_once.py",
    "tests/unit/collection/test_when_back.py",
    "tests/unit/collection/test_stop_run.py",
    "tests/unit/collection/test_list_run.py",
    "tests/unit/collection/test_turn_run.py",
    "tests/unit/collection/test_turn_follow.py",
    "tests/unit/collection/test_turn_again.py",
    "tests/unit/collection/test_attached.py",
    "tests/unit/collection/test_first_sent.py",
    "tests/unit/collection/test_restarted_vm.py",
)
_GOLDEN = ("tests/golden",)
SUITES: Mapping[str, Sequence[Sequence[str]]] = {
    "verdict": (
        _SIMULATION,
        (
            "tests/unit/collection/test_verdict.py",
            "tests/unit/collection/test_turn_verdict.py",
            "tests/unit/collection/test_session_view.py",
            "tests/unit/run/test_rerun.py",
            "tests/unit/run/test_settling.py",
            *_RUNS,
        ),
        _GOLDEN,
    ),
    "attempts": (_SIMULATION, _RUNS, _GOLDEN),
    "host": (_SIMULATION, _RUNS, _GOLDEN),
    "gather": (
        _SIMULATION,
        (
            "tests/unit/run/test_gather_sequences.py",
            "tests/unit/run/test_gather.py",
            "tests/unit/run/test_gather_stop.py",
            "tests/unit/run/test_gather_turns.py",
            "tests/unit/run/test_host_moves.py",
            "tests/unit/run/test_output.py",
        ),
        ("tests/unit/kept/test_killed.py", "tests/unit/kept/test_killed_turns.py"),
    ),
    "claim": (
        ("tests/unit/collection/test_claim.py",),
        ("tests/unit/collection/test_finalize.py",),
    ),
    "mesh": (("tests/unit/mesh",), ("tests/integration/test_mesh.py",)),
    "keeper": (("tests/integration/keeper/test_model.py",), ("tests/integration/keeper",)),
}
"""By the first word of a mutant's name."""
