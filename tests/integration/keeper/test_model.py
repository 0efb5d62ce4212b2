"""The simulation's model of the VM answers as the real keeper does."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_listing import read_listing

from tests.integration.keeper.machine import wait_until
from tests.sample import EVERY_CASE
from tests.simulation.sequences import COMMANDS, Model, at_once, facts, make_sequence, options_of

if TYPE_CHECKING:
    from tests.integration.keeper.machine import Machine

SEQUENCES = 100 if EVERY_CASE else 6


@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_the_model_answers_as_the_keeper_does(machine: Machine, seed: int) -> None:
    model = Model()
    for number, step in enumerate(make_sequence(seed)):
        expected = model.answer(step)
        assert answer(machine, step, expected) == expected, (number, step)


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
            text = COMMANDS[step["command"]][0] if verb == "start" else ""
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
