"""Rules of claiming the ends of turns, on a VM that is a shell of this machine."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils import turn_ends
from ansible_collections.dxansible.fleet.plugins.plugin_utils.agents import load_agents
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper import Keeper
from ansible_collections.dxansible.fleet.plugins.plugin_utils.link import LinkError
from ansible_collections.dxansible.fleet.plugins.plugin_utils.ssh_errors import SshFailure
from ansible_collections.dxansible.fleet.plugins.plugin_utils.states import ENDED
from ansible_collections.dxansible.fleet.plugins.plugin_utils.turn_ends import (
    claim_ends,
    note_thread,
)

from tests.unit.collection.answers import on_keeper

if TYPE_CHECKING:
    from pathlib import Path

    from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_listing import Entry

TRAIL = "0123456789abcdef"


@dataclass
class Shell:
    """A connection to a shell, which may break at one of the calls that have a word in them."""

    home: Path
    breaks: list[str] = field(default_factory=list)
    """Each "before WORD", "after WORD" or "cut WORD" happens once."""
    commands: list[str] = field(default_factory=list)

    def exec_command(
        self, cmd: str, in_data: bytes | None = None, *, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]:
        assert not sudoable
        self.commands.append(cmd)
        self._break("before", cmd)
        done = subprocess.run(
            ["sh", "-c", cmd],
            input=in_data,
            capture_output=True,
            check=False,
            env={"HOME": str(self.home), "PATH": os.defpath},
        )
        self._break("after", cmd)
        cut = self._due("cut", cmd)
        return done.returncode, done.stdout[: -4 if cut else None], done.stderr

    def _due(self, when: str, cmd: str) -> bool:
        for each in self.breaks:
            moment, word = each.split()
            if moment == when and f" {word} " in cmd:
                self.breaks.remove(each)
                return True
        return False

    def _break(self, when: str, cmd: str) -> None:
        if self._due(when, cmd):
            message = "Connection reset by peer"
            raise LinkError(SshFailure.LOST, message)


@pytest.fixture
def shell(home: Path) -> Shell:
    return Shell(home)


def run(shell: Shell, name: str, body: str = "true", **meta: object) -> None:
    """A turn to its end; with a trail unless told otherwise."""
    keeper = Keeper(shell)
    line = "#dx " + json.dumps({"agent": "shell", "trail": TRAIL, **meta})
    reply = keeper.start(name, f"{line}\n{body}".encode(), {"wait": 5, "meta": "yes"})
    while reply.state not in ENDED:
        reply = keeper.poll(name, {"wait": 5})


def turns(keeper: Keeper) -> list[Entry]:
    return [entry for each in keeper.list().turns.values() for entry in each]


def claim(shell: Shell, **options: str) -> list[dict[str, object]]:
    keeper = Keeper(shell)
    steps = claim_ends("here", turns(keeper), load_agents({}), **options)  # type: ignore[arg-type] # any option
    return on_keeper(keeper, steps)


def test_an_end_says_what_became_of_the_turn_and_where_its_trail_goes_on(shell: Shell) -> None:
    trailer = (
        "printf '\\n\\036dx-turn code=1 verify=- commits=2 files=3 branch=dx/b directory=/d\\n'"
    )
    run(shell, "ses_1.1", f"head -c 600000 /dev/zero; {trailer}; exit 1", task="Mend it")
    keeper = Keeper(shell)
    on_keeper(keeper, note_thread(turns(keeper), TRAIL, "C1 1.2", 5.0))

    (end,) = claim(shell)

    assert (end["id"], end["turn"], end["trail"], end["claimed"]) == ("ses_1", 1, TRAIL, True)
    assert (end["outcome"], end["reason"], end["thread"]) == ("FAILURE", "exit_nonzero", "C1 1.2")
    found = end["result"]
    assert isinstance(found, dict)
    assert (found["branch"], found["commits"], found["files"]) == ("dx/b", 2, 3)
    assert claim(shell) == []


def test_only_ended_turns_of_a_trail_are_claimed_the_oldest_first(shell: Shell, home: Path) -> None:
    run(shell, "ses_2.1")
    run(shell, "ses_1.1", trail="another")
    run(shell, "ses_1.2", trail=None)
    run(shell, "ses_3.1", trail=["x"])
    keeper = Keeper(shell)
    keeper.start("ses_4.1", b'#dx {"trail":"x"}\nsleep 60', {"meta": "yes"})
    for number, name in enumerate(("ses_1.1", "ses_2.1")):
        end = home / ".local/state/dxansible/sessions" / name / "end"
        end.write_text(end.read_text().rpartition(" at=")[0] + f" at={100 + number}\n")

    assert [end["id"] for end in claim(shell, trail="another")] == ["ses_1"]
    assert [(end["id"], end["turn"]) for end in claim(shell)] == [("ses_2", 1)]
    keeper.abort("ses_4.1", 5)
    assert [(end["id"], end["outcome"]) for end in claim(shell)] == [("ses_4", "ABORTED")]


@pytest.mark.parametrize("moment", ["before", "after", "cut"])
def test_a_connection_that_goes_amid_a_claim_loses_nothing(shell: Shell, moment: str) -> None:
    run(shell, "ses_1.1")
    shell.breaks = [f"{moment} note"]

    assert [end["claimed"] for end in claim(shell)] == [True]


def test_what_can_not_be_claimed_is_left_to_others(shell: Shell) -> None:
    run(shell, "ses_1.1")
    for breaks in (["before note"] * 2, ["before poll"]):
        shell.breaks = breaks
        assert claim(shell) == []
    assert len(claim(shell)) == 1


def test_what_was_claimed_before_a_failure_counts(shell: Shell, home: Path) -> None:
    for number in (1, 2, 3):
        run(shell, f"ses_1.{number}")
    (home / ".local/state/dxansible/sessions/ses_1.2/note.slack-end").mkdir()

    assert [end["turn"] for end in claim(shell)] == [1]


def test_one_call_claims_some_and_the_next_goes_on(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2, 3):
        run(shell, f"ses_1.{number}")
    monkeypatch.setattr(turn_ends, "_MOST", 2)
    assert [end["turn"] for end in claim(shell)] == [1, 2]
    monkeypatch.setattr(turn_ends, "_BUDGET_SECONDS", -1.0)
    assert claim(shell) == []
    monkeypatch.setattr(turn_ends, "_BUDGET_SECONDS", 4.0)
    assert [end["turn"] for end in claim(shell)] == [3]


def test_a_claim_that_came_second_is_none(shell: Shell) -> None:
    run(shell, "ses_1.1")
    keeper = Keeper(shell)
    known = turns(keeper)
    assert len(claim(shell)) == 1

    assert on_keeper(keeper, claim_ends("here", known, load_agents({}))) == []
