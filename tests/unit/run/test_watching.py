"""Rules of asking again and again: no host waits for another, and nothing that was said is lost."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dxansible.errors import NoMatchError
from dxansible.record import PreflightStatus
from dxansible.results import PreflightResult
from dxansible.run.events import HostsKnown
from dxansible.run.turn_events import SessionsSeen
from dxansible.run.watching import Watch
from tests.unit.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dxansible.run.events import Observer


class Hosts:
    """Hosts that answer at once, unless they are held or fail."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.asked: defaultdict[str, int] = defaultdict(int)
        self.patterns: list[str] = []
        self.held: dict[str, threading.Event] = {}
        self.errors: dict[str, str] = {}

    def ask(self, pattern: str, observers: Sequence[Observer]) -> Mapping[str, str]:
        self.patterns.append(pattern)
        wanted = self.names if pattern == "all" else pattern.split(",")
        (observer,) = observers
        observer.handle(HostsKnown(hosts=tuple(wanted)))
        for host in sorted(wanted, key=lambda name: name in self.held):
            self.asked[host] += 1
            if host in self.held:
                self.held[host].wait(30)
            if host not in self.errors:
                observer.handle(SessionsSeen(host=host, sessions=()))
        return self.errors


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    """Two of them."""
    found = Hosts("a", "b")
    yield found
    for each in found.held.values():
        each.set()


@pytest.fixture
def watch(hosts: Hosts) -> Iterator[Watch]:
    """A watch of them, which begins at once."""
    made = Watch("all", hosts.ask, lambda: None, pace=0.01)
    made.start()
    yield made
    for each in hosts.held.values():
        each.set()
    made.stop()


def test_all_are_asked_by_the_pattern_itself_so_that_new_hosts_are_found(
    hosts: Hosts, watch: Watch
) -> None:
    wait_until(lambda: hosts.asked["b"] >= 2)
    assert set(hosts.patterns) == {"all"}

    hosts.names = ["b", "c"]
    wait_until(lambda: [each.host for each in watch.seen()] == ["b", "c"])


def test_a_slow_host_holds_up_no_other(hosts: Hosts, watch: Watch) -> None:
    wait_until(lambda: len(watch.seen()) == 2)
    hosts.held["b"] = threading.Event()
    wait_until(lambda: any(each.waiting is not None for each in watch.seen()))
    before = hosts.asked["a"]

    wait_until(lambda: hosts.asked["a"] >= before + 3)
    slow = watch.seen()[1]
    assert slow.waiting is not None
    assert slow.waiting < time.monotonic()
    asked = hosts.asked["b"]
    hosts.held.pop("b").set()
    wait_until(lambda: hosts.asked["b"] > asked)


def test_a_host_that_fails_keeps_what_it_said_and_is_asked_again(
    hosts: Hosts, watch: Watch
) -> None:
    wait_until(lambda: all(each.found for each in watch.seen()) and bool(watch.seen()))
    hosts.errors["b"] = "b: refused"
    wait_until(lambda: watch.seen()[1].error == "b: refused")
    assert watch.seen()[1].found is not None
    assert watch.seen()[0].error is None

    hosts.errors.clear()
    wait_until(lambda: watch.seen()[1].error is None)


def test_the_version_of_an_agent_stays_known_when_it_is_not_asked_for_again() -> None:
    watch = Watch("all", lambda *_: {}, lambda: None, pace=1, checks=True)
    first = PreflightResult(
        status=PreflightStatus.OK, host="a", agent="x", agent_found=True, agent_version="x 1"
    )
    for later, version in (
        (replace(first, agent_version=None, running=3), "x 1"),
        (replace(first, agent_version="x 2"), "x 2"),
        (replace(first, agent_version=None, agent_found=False), None),
        (replace(first, agent_version=None, agent="y"), None),
    ):
        watch.answer("a", first)
        watch.answer("a", later)
        assert watch.seen()[0].found == replace(later, agent_version=version)


def test_what_keeps_a_run_from_asking_is_kept(watch: Watch, hosts: Hosts) -> None:
    wait_until(lambda: len(watch.seen()) == 2)
    error = NoMatchError("all")

    def refuse(*_arguments: object) -> Mapping[str, str]:
        raise error

    watch._ask = refuse
    wait_until(lambda: watch.problem is error)
    assert len(watch.seen()) == 2
    watch._ask = hosts.ask
    wait_until(lambda: watch.problem is None)
