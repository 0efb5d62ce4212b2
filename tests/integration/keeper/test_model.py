"""The simulation's model of the VM answers as the real keeper does, in each situation.

What a keeper answers to a start, a poll, an abort, a settling or a list has its rules in the model;
tests of single cases are about what the model leaves out: processes, files, time and damage.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from itertools import cycle, product
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_listing import read_listing

from tests.integration.keeper.machine import wait_until
from tests.integration.keeper.machines import SHELLS, machine_with
from tests.sample import EVERY_CASE
from tests.simulation.sequences import COMMANDS, Model, at_once, facts, make_sequence, options_of
from tests.simulation.situations import fewest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.keeper.machine import Machine

KINDS = (*SHELLS, "dash-ps")
SEEDS = range(100)
CASES = product(KINDS, SEEDS) if EVERY_CASE else zip(cycle(KINDS), fewest(SEEDS), strict=False)


@pytest.mark.parametrize(("kind", "seed"), list(CASES))
def test_the_model_answers_as_the_keeper_does(kind: str, seed: int, tmp_path: Path) -> None:
    model = Model()
    with machine_with(kind, tmp_path) as machine:
        for number, step in enumerate(make_sequence(seed)):
            expected = model.answer(step)
            assert answer(machine, step, expected) == expected, (number, step)
        assert all(times_run(machine, name) <= model.times_run(name) for name in "ab")


def times_run(machine: Machine, name: str) -> int:
    log = machine.home / f"{name}.runs"
    return len(log.read_text()) if log.exists() else 0


def answer(machine: Machine, step: dict[str, Any], expected: Any) -> Any:  # noqa: ANN401 - facts, or those of a list
    """Make a call. A start is followed until its session is in the state that is expected."""
    match step["verb"]:
        case "kill":
            return kill(machine, step["id"])
        case "list":
            listed = read_listing(machine.answer("list")).sessions
            return {each.name.removeprefix(machine.prefix): facts(each) for each in listed}
        case verb:
            about = f"{step['digest']} {{}}\n" if "digest" in step else ""
            command = f"printf x >>{step['id']}.runs; "
            text = command + COMMANDS[step["command"]][0] if verb == "start" else ""
            given = {"length": len(text), **options_of(step)}
            word = "abort" if verb == "settle" else verb
            found = facts(machine.call(word, about + text, id=step["id"], **given).reply())
            if verb != "start" or found["state"] == "conflict" or found["restarted"]:
                return found
            with suppress(AssertionError):  # it is told what it is instead
                wait_until(lambda: facts(machine.poll(step["id"])) | at_once(found) == expected)
            return facts(machine.poll(step["id"])) | at_once(found)


def kill(machine: Machine, name: str) -> bool:
    """Kill the supervisor of a command that runs. Returns whether there was one."""
    if not machine.session(name).exists():
        return False
    wait_until(lambda: machine.poll(name).state != "starting")
    if machine.poll(name).state != "running":
        return False
    record = (machine.session(name) / "supervisor").read_text().split()
    os.kill(int(record[0]), signal.SIGKILL)
    wait_until(lambda: machine.poll(name).state == "lost")
    return True
