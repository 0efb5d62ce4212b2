"""Rules of driving many hosts: fairness, hanging calls, bounded and complete news."""

from __future__ import annotations

import subprocess
import threading
import time
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from ansible._internal._templating._access import AnsibleAccessContext
from ansible_collections.dxansible.fleet.plugins.plugin_utils import fan as fan_module
from ansible_collections.dxansible.fleet.plugins.plugin_utils import watchdog
from ansible_collections.dxansible.fleet.plugins.plugin_utils.fan import Fan, Running
from ansible_collections.dxansible.fleet.plugins.plugin_utils.host_run import News, Pause, ask
from ansible_collections.dxansible.fleet.plugins.plugin_utils.link import CallTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ansible_collections.dxansible.fleet.plugins.plugin_utils.host_run import Steps

PATIENCE = 20.0


def running(host: str, steps: Steps[dict[str, Any]]) -> Running:
    door: Any = SimpleNamespace(keeper=SimpleNamespace(mark=f"dx-test-{host}"))
    return Running(host=host, door=door, steps=steps)


def done(**values: object) -> dict[str, Any]:
    return {"failed": False, "dx": {"kind": "test", **values}}


@pytest.fixture
def fan() -> Iterator[Fan]:
    made = Fan(4)
    yield made
    made.close()


def add(fan: Fan, host: str, steps: Callable[[], Steps[dict[str, Any]]]) -> None:
    fan.add(host, lambda: running(host, steps()))


def told(fan: Fan) -> list[tuple[str, dict[str, Any]]]:
    """All news to the end."""
    found = []
    while fan.left:
        found += fan.news(PATIENCE)
    return found


def asking(answer: object) -> Steps[dict[str, Any]]:
    got = yield from ask(PATIENCE, lambda _door: answer)
    return done(got=got)


def test_each_host_is_told_once_at_its_end_whatever_their_number(fan: Fan) -> None:
    for number in range(200):
        add(fan, f"h{number}", lambda number=number: asking(number))  # type: ignore[misc]

    news = told(fan)

    assert sorted(record["got"] for _, record in news) == list(range(200))
    assert all(record["done"] for _, record in news)
    assert fan.results["h7"] == {"failed": False}


def test_no_more_calls_are_under_way_than_allowed_and_as_many_as_allowed(fan: Fan) -> None:
    under_way, most = 0, 0
    lock, all_four = threading.Lock(), threading.Barrier(4)

    def call(_door: object) -> None:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        all_four.wait(PATIENCE)
        with lock:
            under_way -= 1

    def steps() -> Steps[dict[str, Any]]:
        yield from ask(PATIENCE, call)
        return done()

    for number in range(8):
        add(fan, f"h{number}", steps)
    told(fan)

    assert most == 4


def test_every_host_is_started_before_one_is_asked_again() -> None:
    order: list[tuple[int, str]] = []
    all_added = threading.Event()

    def note(turn: int, host: str, _door: object) -> None:
        all_added.wait(PATIENCE)
        order.append((turn, host))

    def steps(host: str) -> Steps[dict[str, Any]]:
        for turn in range(3):
            yield from ask(PATIENCE, partial(note, turn, host))
        return done()

    single = Fan(1)
    for number in range(10):
        add(single, f"h{number}", lambda number=number: steps(f"h{number}"))  # type: ignore[misc]
    all_added.set()
    told(single)
    single.close()

    assert [turn for turn, _ in order] == [0] * 10 + [1] * 10 + [2] * 10


@pytest.mark.parametrize("error", [RuntimeError("bad"), SystemExit("bad")])
def test_an_error_breaks_its_host_alone_wherever_it_is_raised(
    fan: Fan, error: BaseException
) -> None:
    def fail(_door: object = None) -> Any:  # noqa: ANN401 - it returns nothing
        raise error

    def in_a_call() -> Steps[dict[str, Any]]:
        yield from ask(PATIENCE, fail)
        return done()

    def between_calls() -> Steps[dict[str, Any]]:
        yield News({"kind": "test"})
        return done(x=fail())

    fan.add("at the start", fail)
    add(fan, "in a call", in_a_call)
    add(fan, "between calls", between_calls)
    add(fan, "well", lambda: asking(1))

    ends = {host: record for host, record in told(fan) if record.get("done")}

    assert ends.pop("well")["got"] == 1
    assert {record["kind"] for record in ends.values()} == {"broken"}
    assert fan.results["in a call"]["msg"] == "in a call: bad"


def test_what_a_call_raises_is_raised_in_the_run_which_may_go_on(fan: Fan) -> None:
    def refuse(_door: object) -> None:
        raise ConnectionError

    def steps() -> Steps[dict[str, Any]]:
        try:
            yield from ask(PATIENCE, refuse)
        except ConnectionError:
            yield Pause(0.01)
        return (yield from asking("again"))

    add(fan, "h", steps)

    assert told(fan)[-1][1]["got"] == "again"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "_GRACE", 0.1)


@pytest.mark.usefixtures("impatient")
def test_a_call_that_hangs_for_good_is_given_up_and_its_thread_replaced() -> None:
    single, release = Fan(1), threading.Event()

    def steps() -> Steps[dict[str, Any]]:
        try:
            yield from ask(0.1, lambda _door: release.wait(PATIENCE))
        except CallTimeoutError:
            return done(got="given up")
        return done(got="answer")

    add(single, "stuck", steps)
    add(single, "other", lambda: asking("answer"))
    news = dict(told(single))
    assert (news["stuck"]["got"], news["other"]["got"]) == ("given up", "answer")

    release.set()  # what it then answers is nobody's, and its thread ends
    single.close()
    patience = time.monotonic() + PATIENCE
    while any(thread.name == "dx-fan" for thread in threading.enumerate()):
        assert time.monotonic() < patience
        time.sleep(0.01)


@pytest.mark.usefixtures("impatient")
def test_a_hanging_client_is_ended_by_the_mark_in_its_arguments(fan: Fan) -> None:
    def client(_door: object) -> int:
        waiting = ["sh", "-c", "read line", "dx-test-h"]
        with subprocess.Popen(waiting, stdin=subprocess.PIPE) as process:
            return process.wait()

    def steps() -> Steps[dict[str, Any]]:
        try:
            yield from ask(0.1, client)
        except CallTimeoutError:
            return done(got="given up")
        return done(got="ended")

    add(fan, "h", steps)
    began = time.monotonic()

    assert told(fan)[-1][1]["got"] == "ended"
    assert time.monotonic() - began < PATIENCE


def test_news_that_can_wait_are_told_soon_although_nothing_urgent_comes(fan: Fan) -> None:
    release = threading.Event()

    def steps() -> Steps[dict[str, Any]]:
        yield News({"kind": "found"}, urgent=False)
        yield from ask(PATIENCE, lambda _door: release.wait(PATIENCE))
        return done()

    add(fan, "h", steps)
    began = time.monotonic()
    ((_, record),) = fan.news(PATIENCE)
    release.set()

    assert record == {"kind": "found"}
    assert time.monotonic() - began < PATIENCE / 2
    told(fan)


def test_news_that_nobody_fetches_are_bounded_and_none_is_lost(
    fan: Fan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fan_module, "_MOST_BYTES", 50_000)
    monkeypatch.setattr(fan_module, "_BATCH_BYTES", 20_000)
    count = 0

    def steps() -> Steps[dict[str, Any]]:
        nonlocal count
        for number in range(50):
            count += 1
            piece = {"data": "x" * 4000}
            yield News({"kind": "test", "number": number, "out": piece})
        return done()

    add(fan, "h", steps)
    time.sleep(0.3)
    assert 5 < count <= 12

    numbers = [record["number"] for _, record in told(fan) if "number" in record]
    assert numbers == list(range(50))


def test_threads_end_with_the_work() -> None:
    before = threading.active_count()
    for _ in range(20):
        fan = Fan(8)
        for number in range(16):
            add(fan, f"h{number}", lambda: asking(1))
        told(fan)
        fan.close()
    patience = time.monotonic() + PATIENCE
    while threading.active_count() > before + 1:  # the watchdogs end by themselves
        assert time.monotonic() < patience
        time.sleep(0.05)


def test_news_return_at_once_when_nothing_is_left(fan: Fan) -> None:
    assert fan.news(PATIENCE) == []


def test_a_thread_shares_no_list_of_ansible_s_templates_with_the_one_that_started_it(
    fan: Fan,
) -> None:
    """Ansible fails a template if another thread has changed the list meanwhile."""
    ours = AnsibleAccessContext.current()

    def steps() -> Steps[dict[str, Any]]:
        yield from ()
        return done(shared=AnsibleAccessContext.current() is ours)

    add(fan, "h1", steps)

    assert [record["shared"] for _, record in told(fan)] == [False]
