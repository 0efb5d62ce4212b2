"""The simulation's model of the VM answers about turns as the real keeper does."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.dxansible.fleet.plugins.plugin_utils.keeper_listing import (
    read_listing,
    read_notes,
)

from tests.integration.keeper.machine import wait_until
from tests.integration.keeper.test_model import kill
from tests.sample import EVERY_CASE
from tests.simulation.sequences import at_once
from tests.simulation.sequences_turns import (
    ROBOT,
    TurnModel,
    facts_of_turn,
    make_turn_sequence,
    options_of_turn,
    payload_of_turn,
)

if TYPE_CHECKING:
    from tests.integration.keeper.machine import Machine

SEQUENCES = 100 if EVERY_CASE else 6


@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_the_model_answers_about_turns_as_the_keeper_does(machine: Machine, seed: int) -> None:
    robot = machine.home / "bin" / "robot"
    robot.parent.mkdir()
    robot.write_text(ROBOT)
    robot.chmod(0o700)
    model = TurnModel(str(machine.home))
    for number, step in enumerate(make_turn_sequence(seed)):
        expected = model.answer(step)
        assert answer(machine, step, expected) == expected, (number, step)


def answer(machine: Machine, step: dict[str, Any], expected: Any) -> Any:  # noqa: ANN401 - facts, or those of a list
    """Make a call. A start is followed until its turn is in the state that is expected."""
    name, text = step["id"], payload_of_turn(step).decode()
    given = {"length": len(text), "path": "~/bin", **options_of_turn(step)}
    match step["verb"]:
        case "kill":
            return kill(machine, name)
        case "list":
            listed = read_listing(machine.answer("list", chunk=1 << 24)).sessions
            return {each.name.removeprefix(machine.prefix): facts_of_turn(each) for each in listed}
        case "note":
            if not machine.session(name).exists():
                return None
            return read_notes(machine.call("note", text, id=name, **given).answer())
        case "start":
            found = facts_of_turn(machine.call("start", text, id=name, **given).reply())
            with suppress(AssertionError):  # it is told what it is instead
                wait_until(lambda: facts_of_turn(machine.poll(name)) | at_once(found) == expected)
            return facts_of_turn(machine.poll(name)) | at_once(found)
        case verb:
            word = "abort" if verb == "settle" else verb
            return facts_of_turn(machine.call(word, text, id=name, **given).reply())
