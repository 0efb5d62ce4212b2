"""Clients killed with -9 at random moments: every turn has run once or never, and all is known."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.dispatcher import Dispatcher
from tests.integration.sessions.work import forget_sessions
from tests.integration.traces import running_for
from tests.integration.vm_processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab import Lab

SEED = 47
HOSTS = 12
ROUNDS = ("start", "resume", "wait")
"""A start and a wait are one client for all hosts, a resume is a client for each of some."""
RESUMED_AT_ONCE = 5

_AGENT = ("--agent", "shell")


@dataclass(slots=True)
class Crowd:
    """Many hosts that lead to three machines, a user of them, and one with an engine who looks."""

    lab: Lab
    user: Dispatcher
    observer: Dispatcher
    dice: Random
    usual: float = 0.0
    """Seconds that a start on all hosts takes here."""

    @property
    def task(self) -> str:
        return 'echo "$DX_SESSION" >>"$HOME/ran"; echo done; sleep 0.2'

    def ran(self) -> Counter[str]:
        """How often each turn has run."""
        paths = [vm.home / "ran" for vm in self.lab.vms.values()]
        texts = [path.read_text() for path in paths if path.exists()]
        return Counter(line for text in texts for line in text.splitlines())

    def kill_at_random(self, calls: list[tuple[str, ...]]) -> list[str]:
        """Start these clients, kill each at a moment of its own, and return what was printed."""
        paths = [self.user.home / f"printed-{number}" for number in range(len(calls))]
        began = time.monotonic()
        clients = [self._start(call, path) for call, path in zip(calls, paths, strict=True)]
        moments = sorted(self.dice.uniform(0.2, 1.1) * self.usual for _ in clients)
        for client, moment in zip(clients, moments, strict=True):
            time.sleep(max(0.0, began + moment - time.monotonic()))
            client.kill()
            client.communicate()
        wait_until(lambda: not running_for(self.user), 30, "the clients' helpers have ended")
        return [line for path in paths for line in path.read_text().splitlines()]

    def _start(self, call: tuple[str, ...], path: Path) -> Any:  # noqa: ANN401 - a Popen
        with path.open("wb") as stream:
            return self.user.start(*call, *_AGENT, "-q", stdout=stream)

    def sessions(self) -> dict[str, dict[str, Any]]:
        """All that the machines know; each is asked once, and everything on it has ended."""
        pattern = "h001,h002,h003"

        def listed() -> list[dict[str, Any]]:
            found = self.observer.run("--sessions", pattern, "--json").document
            assert found["errors"] == {}
            return list(found["sessions"])

        known = listed()
        while any(each["state"] == "running" for each in known):
            known = listed()
        return {each["session_id"]: each for each in known}


@pytest.fixture
def crowd(lab: Lab) -> Iterator[Crowd]:
    for vm in lab.vms.values():
        forget_sessions(vm)
        (vm.home / "ran").unlink(missing_ok=True)
    inventory = lab.extra_hosts(HOSTS)
    user, observer = Dispatcher(inventory), Dispatcher(inventory, engines=True)
    yield Crowd(lab, user, observer, Random(SEED))  # noqa: S311 - no cryptography
    user.close()
    observer.close()


@pytest.mark.long
def test_a_turn_runs_once_or_never_whenever_its_client_is_killed(crowd: Crowd) -> None:
    began = time.monotonic()
    whole = crowd.user.run("all", crowd.task, *_AGENT)
    crowd.usual = time.monotonic() - began
    turns = {f"{line.split()[0]}.1" for line in whole.out.decode().splitlines()}
    assert (whole.code, len(turns)) == (0, HOSTS)
    known = crowd.sessions()
    for number, verb in enumerate(ROUNDS):
        told = f"seed {SEED}, round {number}: {verb}"
        last_turn = {name: each["turn"] for name, each in known.items()}
        if verb == "resume":
            chosen = crowd.dice.sample(sorted(known), RESUMED_AT_ONCE)
            printed = crowd.kill_at_random([("--session", each, crowd.task) for each in chosen])
        else:
            more = ("--wait",) if verb == "wait" else ()
            printed = crowd.kill_at_random([("all", crowd.task, *more)])
        if verb != "wait":  # what that prints is what the agents say
            turns |= {
                f"{line.split()[0]}.{last_turn.get(line.split()[0], 0) + 1}" for line in printed
            }
        known = _check(crowd, turns, told)
    again = crowd.user.run("all", crowd.task, *_AGENT, "--wait")
    assert (again.code, again.out.count(b"| done\n")) == (0, HOSTS)


def _check(crowd: Crowd, turns: set[str], told: str) -> dict[str, dict[str, Any]]:
    known, ran = crowd.sessions(), crowd.ran()
    assert {turn: times for turn, times in ran.items() if times != 1} == {}, told
    assert turns <= set(ran), told
    for session, each in known.items():
        last = f"{session}.{each['turn']}"
        assert (each["state"] == "succeeded") is (ran[last] == 1), (told, each)
    assert {turn.rpartition(".")[0] for turn in ran} <= set(known), told
    return known
