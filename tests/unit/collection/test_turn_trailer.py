"""Rules of reading what a turn's script says, and what the VM has kept of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_listing import Entry, read_meta
from ansible_collections.dxansible.fleet.plugins.plugin_utils.turn import Trailer

DONE = "dx-turn code=0 verify=3 commits=2 files=5 dirty=yes head=abc branch=dx/a directory=/h/a b=c"


@pytest.mark.parametrize(
    ("text", "trailer"),
    [
        (None, Trailer()),
        ("", Trailer()),
        ("dx-turned code=0", Trailer()),
        ("of an agent's own", Trailer()),
        ("dx-turn ", Trailer()),
        ("dx-turn nonsense =x code", Trailer()),
        ("dx-turn branch=- directory=/home/feng\n", Trailer(directory="/home/feng")),
        ("dx-turn branch=dx/a directory=/w", Trailer(directory="/w", branch="dx/a")),
        (
            DONE,
            Trailer(
                code=0, verify=3, commits=2, files=5, dirty=True, head="abc", branch="dx/a",
                directory="/h/a b=c",
            ),
        ),
        (
            "dx-turn code=1 verify=-  branch=- directory=/h",
            Trailer(code=1, directory="/h"),
        ),
        (
            "dx-turn problem=repo_unusable message=fatal: code=1 is no repository ",
            Trailer(problem="repo_unusable", message="fatal: code=1 is no repository"),
        ),
        ("dx-turn problem=repo_unusable message= ", Trailer(problem="repo_unusable")),
        ("dx-turn code=-1 verify=x commits=\u0663 dirty=maybe files=", Trailer()),
        ("dx-turn dirty=no directory=", Trailer(dirty=False)),
    ],
)  # fmt: skip
def test_a_trailer_has_what_the_script_had_come_to(text: str | None, trailer: Trailer) -> None:
    assert Trailer.parse(text) == trailer


def test_a_number_that_no_script_of_ours_prints_is_none() -> None:
    assert Trailer.parse(f"dx-turn code={'9' * 5000}") == Trailer()


@pytest.mark.parametrize(
    ("line", "meta"),
    [
        ('#dx {"agent":"shell","timeout":1.5}', {"agent": "shell", "timeout": 1.5}),
        ('{"agent":"shell"}', {"agent": "shell"}),
        ("#dx {}", {}),
        ("#dx []", {}),
        ("#dx 5", {}),
        ('#dx {"agent":', {}),
        ("#!/bin/sh", {}),
        ("#dx " + "[" * 100_000, {}),
        ('#dx {"n":' + "9" * 5000 + "}", {}),
        ("", {}),
        (None, {}),
    ],
)
def test_what_is_kept_of_a_turn_may_make_no_sense(line: str | None, meta: dict[str, Any]) -> None:
    assert read_meta(line) == meta


@pytest.mark.parametrize(
    ("kept", "seconds"),
    [
        (1200, 1200.0),
        (2.5, 2.5),
        (0, 0.0),
        (-1, 0.0),
        (None, 0.0),
        ("5", 0.0),
        ([5], 0.0),
        (float("inf"), 0.0),
        (float("nan"), 0.0),
        (10**400, 0.0),
    ],
)
def test_a_limit_that_makes_no_sense_is_none(kept: object, seconds: float) -> None:
    meta = json.dumps({"timeout": kept, "agent": "shell"})

    found = Entry(name="ses_1.1", state="exited", meta=f"#dx {meta}").limits

    assert found == {"timeout": seconds, "idle": 0.0}
