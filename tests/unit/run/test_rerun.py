"""Which hosts a recorded command runs on again: those that need it, and no other."""

from __future__ import annotations

import time
from random import Random
from typing import TYPE_CHECKING

import pytest

from dxansible.errors import UsageError
from dxansible.evidence import Evidence
from dxansible.record import FanoutOutcome
from dxansible.run.history import History, HostEnd, RecordedRun
from dxansible.run.rerun import Which, find_chain

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ENDS: dict[tuple[str | None, str | None], set[str]] = {
    ("SUCCESS", "ok"): {"all"},
    ("FAILURE", "exit_nonzero"): {"all", "failed"},
    ("FAILURE", "id_conflict"): {"all", "failed"},
    ("FAILURE", "lost_contact"): {"all", "failed", "unreachable"},
    ("PREFLIGHT_FAILED", "HOST_UNREACHABLE"): {"all", "failed", "unreachable"},
    ("PREFLIGHT_FAILED", "TIMEOUT"): {"all", "failed", "unreachable"},
    ("TIMEOUT", "deadline"): {"all", "failed", "timeout"},
    ("ABORTED", "aborted"): {"all", "failed"},
    (None, None): {"all", "failed"},
    ("ABORTED", "not_started"): {"all", "failed"},
}
"""Outcome and reason, and by which words such a host is run on again."""
NOT_STARTED = ("ABORTED", "not_started")
Ends = dict[str, tuple[str | None, str | None]]


def write(
    history: History, number: int, ends: Ends, parent: str | None = None, run_id: str | None = None
) -> RecordedRun:
    """Record a run with these ends."""
    known = run_id or f"cmd_{number:016x}"
    hosts = {
        host: HostEnd(
            outcome=FanoutOutcome(outcome) if outcome else None,
            reason=reason,
            evidence=Evidence.LOST if reason in {None, "lost_contact"} else Evidence.TOLD,
        )
        for host, (outcome, reason) in ends.items()
    }
    run = RecordedRun(
        name=f"{number:020d}-{known}", run_id=known, began=float(number), parent=parent,
        pattern="all", inventory="/inventory", command="true", summary="true", timeout_sec=60.0,
        max_retries=1, hosts=hosts,
    )  # fmt: skip
    history.write(run)
    return run


@pytest.fixture
def history(tmp_path: Path) -> History:
    """No run yet."""
    return History(tmp_path / "runs")


def meant(ends: Mapping[str, tuple[str | None, str | None]], which: str) -> list[str]:
    """The hosts that a word means, by the table above."""
    return [host for host, end in ends.items() if which in ENDS[end]]


def test_a_hundred_runs_with_random_faults_each_time_on_exactly_the_right_hosts(
    tmp_path: Path,
) -> None:
    """What is right is kept beside the records: the last end of each host of each family."""
    random = Random(20)  # noqa: S311 - the same faults each time
    start = time.time_ns() - 10**12
    history = History(tmp_path / "runs")
    families: list[Ends] = []
    family_of: dict[str, int] = {}
    nothing, shrank = 0, 0
    for number in range(start, start + 100):
        if not families or random.random() < 0.1:
            ends: Ends = {f"h{n}": random.choice(list(ENDS)) for n in range(random.randint(2, 12))}
            families.append(dict(ends))
            family = len(families) - 1
            parent = None
        else:
            which, typed = random.choice(list(Which)), None
            if random.random() < 0.5:
                typed = random.choice(list(family_of))
            chain = find_chain(history.runs(), typed)
            family = family_of[typed] if typed else family_of[list(family_of)[-1]]
            hosts = chain.choose(which)
            assert hosts == meant(families[family], which), (number - start, which, typed)
            assert set(chain.ends) == set(families[family])
            nothing += not hosts
            if not hosts:
                which = Which.ALL
                hosts = chain.choose(which)
            parent = chain.newest.name
            ends = {host: random.choice(list(ENDS)) for host in hosts}
            before = len(meant(families[family], "failed"))
            for host, end in ends.items():
                if end != NOT_STARTED:
                    families[family][host] = end
            shrank += len(meant(families[family], "failed")) < before
        written = write(history, number, ends, parent)
        family_of[written.run_id] = family

    assert len(history.runs()) == 100
    assert nothing > 5
    assert shrank > 20
    for typed, family in family_of.items():
        chain = find_chain(history.runs(), typed)
        for which in Which:
            assert chain.choose(which) == meant(families[family], which)


def test_each_pass_has_fewer_hosts_and_the_last_has_none(history: History) -> None:
    good, bad = ("SUCCESS", "ok"), ("FAILURE", "exit_nonzero")
    now = time.time_ns()
    first = write(history, now, {"a": good, "b": bad, "c": bad, "d": bad})
    write(history, now + 1, {"b": good, "c": bad, "d": NOT_STARTED}, first.name)
    assert find_chain(history.runs(), None).choose(Which.FAILED) == ["c", "d"]
    newest = find_chain(history.runs(), first.run_id).newest
    write(history, now + 2, {"c": good, "d": good}, newest.name)

    for typed in (None, first.run_id, newest.run_id):
        assert find_chain(history.runs(), typed).choose(Which.FAILED) == []
        assert find_chain(history.runs(), typed).choose(Which.ALL) == ["a", "b", "c", "d"]


def test_what_was_never_started_keeps_the_end_that_it_had(history: History) -> None:
    now = time.time_ns()
    first = write(history, now, {"a": ("TIMEOUT", "deadline"), "b": NOT_STARTED})
    write(history, now + 1, {"a": NOT_STARTED, "b": NOT_STARTED}, first.name)

    chain = find_chain(history.runs(), None)

    assert (chain.choose(Which.TIMEOUT), chain.choose(Which.FAILED)) == (["a"], ["a", "b"])


def test_the_family_holds_when_its_first_run_is_removed(history: History) -> None:
    now = time.time_ns()
    first = write(history, now, {"a": ("FAILURE", "lost"), "b": ("FAILURE", "lost")})
    write(history, now + 1, {"a": ("SUCCESS", "ok"), "b": ("FAILURE", "lost")}, first.name)
    write(history, now + 2, {"b": ("SUCCESS", "ok")}, first.name)
    (history.directory / f"{first.name}.json").unlink()

    assert find_chain(history.runs(), None).choose(Which.FAILED) == []


def test_an_id_used_twice_means_the_newer_run(history: History) -> None:
    now = time.time_ns()
    write(history, now, {"a": ("FAILURE", "lost"), "b": ("SUCCESS", "ok")}, run_id="deploy")
    write(history, now + 1, {"c": ("FAILURE", "lost"), "d": ("SUCCESS", "ok")}, run_id="deploy")

    assert find_chain(history.runs(), "deploy").choose(Which.FAILED) == ["c"]


def test_a_beginning_names_a_run_if_it_is_the_only_one(history: History) -> None:
    with pytest.raises(UsageError, match="no run is recorded"):
        find_chain(history.runs(), None)
    now = time.time_ns()
    for number, run_id in enumerate(("deploy_1", "deploy_2", "check")):
        write(history, now + number, {"a": ("SUCCESS", "ok"), "b": (None, None)}, run_id=run_id)
    runs = history.runs()

    assert find_chain(runs, "ch").newest.run_id == "check"
    with pytest.raises(UsageError, match="2 runs begin with dep; give one of them: deploy_1, depl"):
        find_chain(runs, "dep")
    with pytest.raises(UsageError, match="fialed is neither a recorded run nor one of failed, unr"):
        find_chain(runs, "fialed")


def test_an_empty_id_names_no_run_not_even_the_only_one(history: History) -> None:
    write(history, 1, {"a": ("FAILURE", "exit_nonzero")}, run_id="deploy")

    with pytest.raises(UsageError, match="the id of the run is empty; leave it out"):
        find_chain(history.runs(), "")


def test_what_the_vms_know_is_written_into_the_run_that_it_belongs_to(history: History) -> None:
    now = time.time_ns()
    first = write(history, now, {"a": (None, None), "b": ("FAILURE", "lost_contact")})
    second = write(history, now + 1, {"b": (None, None)}, first.name)
    chain = find_chain(history.runs(), None)
    assert chain.open_ends(Which.FAILED) == {first.name: ["a", "b"], second.name: ["b"]}
    good = HostEnd(outcome=FanoutOutcome.SUCCESS, reason="ok", evidence=Evidence.TOLD)

    learned = chain.learn({second.name: {"b": good}}, history)

    assert find_chain(history.runs(), None) == learned
    assert learned.open_ends(Which.FAILED) == {first.name: ["a"]}
    assert learned.open_ends(Which.ALL) == {first.name: ["a", "b"]}
    assert learned.choose(Which.FAILED) == ["a"]
    assert history.runs()[0].hosts["b"].reason == "lost_contact"
