"""Looking at engines, and ending them."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

from tests.unit.engine.person import answer
from tests.unit.waiting import runs, wait_until

if TYPE_CHECKING:
    from tests.unit.engine.person import Person


def test_engines_are_shown(person: Person) -> None:
    assert answer(person.dispatch("--engine", "status")).out == "no engine is running\n"
    answer(person.dispatch("--version"))
    (engine,) = person.pids()
    shown = answer(person.dispatch("--engine", "status"))
    document = json.loads(answer(person.dispatch("--engine", "status", "--json")).out)

    assert (shown.code, shown.out.split()[:3]) == (0, ["dx-dispatch", "pid", str(engine)])
    assert (document["schema"], document["exit_code"]) == (1, 0)
    assert [(each["pid"], each["program"]) for each in document["engines"]] == [
        (engine, "dx-dispatch")
    ]


def test_a_stop_ends_even_a_stopped_one_and_leaves_nothing(person: Person) -> None:
    person.warm()
    pids = person.pids()
    os.kill(pids[0], signal.SIGSTOP)
    said = answer(person.dispatch("--engine", "stop"))

    assert (said.code, said.out.count("ended\n")) == (0, len(pids))
    wait_until(lambda: not any(map(runs, pids)))
    assert list(person.engines.iterdir()) == []


def test_a_stop_lets_calls_come_to_their_end(person: Person) -> None:
    person.warm()
    process = person.dispatch("here", "--exec", "touch ~/ready; sleep 1; echo done")
    wait_until((person.home / "ready").exists)
    assert answer(person.dispatch("--engine", "stop")).code == 0
    said = answer(process)

    assert (said.code, said.out) == (0, "done\n")
