"""Looking at engines, and ending them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING

from dxansible.kept.running import RunningEngine, lock, stop_engines
from tests.unit.kept.person import answer
from tests.unit.waiting import runs, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.unit.kept.person import Person


def test_engines_are_shown(person: Person) -> None:
    assert person.run("--engine", "status").out == "no engine is running\n"
    person.say()
    (engine,) = person.pids()
    shown = person.run("--engine", "status")
    document = json.loads(person.run("--engine", "status", "--json").out)

    assert (shown.code, shown.out.split()[:3]) == (0, ["ansible-playbook", "pid", str(engine)])
    assert (document["schema"], document["exit_code"]) == (1, 0)
    (each,) = document["engines"]
    assert (each["pid"], each["program"]) == (engine, "ansible-playbook")
    assert 0 <= each["seconds"] < 100


def test_a_stop_ends_even_a_stopped_one_and_leaves_nothing(person: Person) -> None:
    person.warm()
    pids = person.family()
    assert len(pids) == 3
    os.kill(pids[0], signal.SIGSTOP)
    said = person.run("--engine", "stop")

    assert (said.code, said.out.count("ended\n")) == (0, 1)
    wait_until(lambda: not any(map(runs, pids)))
    wait_until(lambda: list(person.run_directory.iterdir()) == [person.engines])
    wait_until(lambda: list(person.engines.iterdir()) == [])


def test_a_stop_lets_calls_come_to_their_end(person: Person) -> None:
    person.warm()
    pids = person.family()
    process = person.dispatch("here", "--exec", "touch ~/ready; sleep 3; echo done", "-v")
    wait_until((person.home / "ready").exists)
    assert person.run("--engine", "stop").code == 0
    assert all(map(runs, pids))
    assert person.run("--engine", "status").out == "no engine is running\n"
    said = answer(process)

    assert (said.code, said.out, "retry" in said.err) == (0, "done\n", False)
    wait_until(lambda: not any(map(runs, pids)))


def test_the_engine_that_comes_after_the_one_to_be_ended_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    place = tmp_path / f"dx-engine-{os.geteuid()}"
    place.mkdir(mode=0o700)
    path = place / "engine.sock"
    held = lock(str(path))
    assert held is not None
    os.pwrite(held, f"{os.getpid()} {time.time():.0f}\n".encode(), 0)
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    engine = RunningEngine(path=str(path), pid=ended.pid, seconds=0, used=0.0)
    thread = threading.Thread(target=stop_engines, args=([engine],), daemon=True)
    thread.start()
    thread.join(20)

    assert not thread.is_alive()
    os.close(held)
