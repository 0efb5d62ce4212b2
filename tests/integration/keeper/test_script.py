"""The script itself."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_reply import KeeperError

from tests.integration.keeper.machine import PARTS

if TYPE_CHECKING:
    from tests.integration.keeper.machine import Machine


def test_shellcheck_has_nothing_to_say(dash: Machine) -> None:
    program = shutil.which("shellcheck")
    assert program, "shellcheck is not installed"
    command = [program, "--shell=sh", str(dash.keeper)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == ""


def test_each_part_is_short(dash: Machine) -> None:
    lengths = {part.name: len(part.read_text().splitlines()) for part in PARTS.glob("*.sh")}
    assert sum(lengths.values()) == len(dash.keeper.read_text().splitlines())
    assert max(lengths.values()) < 350


@pytest.mark.parametrize("verb", ["", "stop", "-x", "$(id)"])
def test_an_unknown_verb_is_an_error_in_a_reply(machine: Machine, verb: str) -> None:
    assert machine.ask(verb) == b"\ndx-mark state=error message=unknown verb\ndx-mark end\n"


@pytest.mark.parametrize("option", ["deadline", "idle", "limit", "grace", "wait", "out", "chunk"])
def test_an_option_that_is_no_number_is_an_error_and_runs_nothing(
    machine: Machine, option: str
) -> None:
    with pytest.raises(KeeperError, match="bad number"):
        machine.start("s", "touch ran", **{option: "1; touch ran"})
    assert machine.poll("s").state == "unknown"
    assert not (machine.home / "ran").exists()


def test_a_place_that_cannot_be_written_is_an_error_that_says_so(machine: Machine) -> None:
    machine.state.parent.mkdir()
    machine.state.write_text("a file where the directory should be")
    with pytest.raises(KeeperError, match="cannot write to"):
        machine.start("s", "echo hi")
