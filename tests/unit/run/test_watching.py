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
from dxansible.run.events import HostsKnown, PreflightDone
from dxansible.run.turn_events import HostAlive, SessionsSeen
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

    def ask(
        self, pattern: str, _watch: tuple[float, int], observers: Sequence[Observer]
    ) -> Mapping[str, str]:
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
    made = Watch("all", hosts.ask, lambda: None, pace=0.01, width=50, stretch=0)
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


class Listening:
    """A run that goes on until the test ends it; the test says what its hosts say meanwhile."""

    def __init__(self) -> None:
        self.patterns: list[str] = []
        self.watches: list[tuple[float, int]] = []
        self.observers: list[Observer] = []
        self.over: list[threading.Event] = []

    def ask(
        self, pattern: str, watch: tuple[float, int], observers: Sequence[Observer]
    ) -> Mapping[str, str]:
        over = threading.Event()
        observers[0].handle(HostsKnown(hosts=("a", "b", "c")))
        self.patterns.append(pattern)
        self.watches.append(watch)
        self.observers.append(observers[0])
        self.over.append(over)
        if watch[0]:
            over.wait(30)
        else:
            for host in "abc":
                observers[0].handle(SessionsSeen(host=host, sessions=()))
        return {}


def test_a_run_listens_to_its_hosts_and_each_is_asked_again_when_it_has_ended() -> None:
    runs = Listening()
    watch = Watch("all", runs.ask, lambda: None, pace=0.01, width=3, stretch=60)
    watch.start()
    try:
        wait_until(lambda: len(runs.over) == 2)
        assert (runs.patterns, runs.watches) == (["all", "all"], [(0, 0), (60, 15)])
        run = runs.observers[1]
        run.handle(SessionsSeen(host="a", sessions=(), opens=("x",)))
        run.handle(HostAlive(host="b"))
        first, second, third = watch.seen()
        assert isinstance(first.found, SessionsSeen)
        assert first.found.opens == ("x",)
        assert first.at <= first.heard < second.heard
        assert second.at < first.at
        now = time.monotonic()
        assert 15 < first.silent - now < second.silent - now <= 20
        assert third.silent - now <= 5
        assert None not in {each.waiting for each in watch.seen()}

        run.handle(SessionsSeen(host="c", sessions=(), error="c: refused"))
        assert (watch.seen()[2].waiting, watch.seen()[2].error) == (None, "c: refused")
        wait_until(lambda: len(runs.over) == 3)  # the others are listened to
        assert runs.patterns[2] == "c"

        runs.over[1].set()
        wait_until(lambda: len(runs.over) == 4)
        assert runs.patterns[3] == "all"  # most are due, so the inventory is read again
    finally:
        for each in runs.over:
            each.set()
        watch.stop()


def test_more_hosts_than_are_asked_at_a_time_are_not_listened_to() -> None:
    runs = Listening()
    watch = Watch("all", runs.ask, lambda: None, pace=0.01, width=2)
    watch.start()
    try:
        wait_until(lambda: len(runs.watches) > 3)
        assert set(runs.watches) == {(0, 0)}
    finally:
        watch.stop()


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
    watch = Watch("all", lambda *_: {}, lambda: None, pace=1, width=50, checks=True)
    run = watch._begin()
    assert run is not None
    run.handle(HostsKnown(hosts=("a",)))
    first = PreflightResult(
        status=PreflightStatus.OK, host="a", agent="x", agent_found=True, agent_version="x 1"
    )
    for later, version in (
        (replace(first, agent_version=None, running=3), "x 1"),
        (replace(first, agent_version="x 2"), "x 2"),
        (replace(first, agent_version=None, agent_found=False), None),
        (replace(first, agent_version=None, agent="y"), None),
    ):
        for found in (first, later):
            run.handle(PreflightDone(result=found))
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
