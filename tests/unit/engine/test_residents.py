"""Looking at engines, and ending them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from typing import TYPE_CHECKING

from dxansible.engine.residents import Resident, stop
from dxansible.engine.starter import lock
from tests.unit.engine.person import answer
from tests.unit.waiting import runs, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

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


def test_the_engine_that_comes_after_the_one_to_be_ended_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    place = tmp_path / f"dx-engine-{os.geteuid()}"
    place.mkdir(mode=0o700)
    path = place / "engine.sock"
    held = lock(str(path))
    assert held is not None
    os.pwrite(held, f"{os.getpid()} ansible-playbook\n".encode(), 0)
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    resident = Resident(pid=ended.pid, program="ansible-playbook", seconds=0, path=path)
    thread = threading.Thread(target=stop, args=([resident],), daemon=True)
    thread.start()
    thread.join(20)

    assert not thread.is_alive()
    os.close(held)
