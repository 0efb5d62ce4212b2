"""A start that is killed at any moment leaves a session that ran once, or that never will."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from tests.integration.keeper.machine import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.keeper.machine import Machine

ROUNDS = 50
LATEST = 0.060


def _kill_while_it_starts(machine: Machine, name: str, moment: float) -> None:
    call = machine.begin(name, f"echo ran >>{name}.runs", wait=3)
    time.sleep(moment)
    with suppress(ProcessLookupError):
        os.kill(call.pid, signal.SIGKILL)
    call.finish()


def _runs(machine: Machine, name: str) -> int:
    log = machine.home / f"{name}.runs"
    return len(log.read_text().splitlines()) if log.exists() else 0


def test_a_killed_start_runs_at_most_once_and_its_state_is_final(machine: Machine) -> None:
    chance = random.Random(7)  # noqa: S311 # the same moments each time, as far as that goes
    names = [f"s{number}" for number in range(ROUNDS)]
    early = {}
    for name in names:
        _kill_while_it_starts(machine, name, chance.uniform(0, LATEST))
        early[name] = machine.poll(name).state
    final = {name: machine.wait_for_end(name).state for name in names}
    time.sleep(1)
    runs = {name: _runs(machine, name) for name in names}
    for name in names:
        assert final[name] in {"exited", "unstarted", "unknown"}
        assert runs[name] == (1 if final[name] == "exited" else 0)
        if early[name] == "unstarted":
            assert final[name] == "unstarted"


def test_after_a_killed_start_the_next_one_runs_it_once_or_says_it_never_will(
    machine: Machine,
) -> None:
    for number in range(8):
        name = f"s{number}"
        _kill_while_it_starts(machine, name, number * LATEST / 8)
        reply = machine.run(name, f"echo ran >>{name}.runs")
        assert reply.state in {"exited", "unstarted"}
        assert _runs(machine, name) == (1 if reply.state == "exited" else 0)


def test_the_next_start_removes_what_a_killed_one_had_received(machine: Machine) -> None:
    with machine.begin_transfer("cut", b"echo half") as cut:
        (staged,) = _staged(machine)
        wait_until((staged / "command").exists)
        machine.run("other", "echo hi")
        assert staged.exists()
        cut.kill()
    machine.run("next", "echo hi")
    assert not staged.exists()


def _staged(machine: Machine) -> list[Path]:
    incoming = machine.state / "incoming"
    wait_until(lambda: incoming.exists() and any(incoming.iterdir()))
    return list(incoming.iterdir())


def test_a_session_that_never_began_keeps_its_record_alone(machine: Machine) -> None:
    session = machine.session("s")
    session.mkdir(parents=True)
    for name in ("command", "reserve", "prompt"):
        (session / name).write_text("secret")
    (session / "claim").write_text("1 1 1\n")
    assert machine.poll("s").state == "unstarted"
    assert {path.name for path in session.iterdir()} == {"claim", "supervisor"}
