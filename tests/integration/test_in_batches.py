"""Runs in batches: no host is touched beyond the batch that is under way, whatever happens."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from dxansible.run.batches import split
from tests.integration.fleet_notes import Notes, take_notes
from tests.integration.vm_processes import left_on, wait_until
from tests.sample import EVERY_CASE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Lab

HOSTS = [f"h{number:03}" for number in range(1, 10)]


@pytest.fixture
def notes() -> Iterator[Notes]:
    """What has run where."""
    with take_notes() as found:
        yield found


@pytest.fixture
def fleet(lab: Lab, user: Dispatcher) -> Dispatcher:
    """The user, who has nine hosts."""
    user.environment["DX_INVENTORY"] = str(lab.extra_hosts(len(HOSTS)))
    return user


def recorded(user: Dispatcher) -> dict[str, tuple[str | None, str | None]]:
    """How each host of the newest recorded run ended."""
    run = user.run("--runs", "--json").document["runs"][-1]
    return {each["host"]: (each["outcome"], each["reason"]) for each in run["hosts"]}


def by_reason(document: dict[str, Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for result in document["results"]:
        found.setdefault(result["reason"], []).append(result["host"])
    return found


@pytest.mark.resident
@pytest.mark.parametrize("seed", range(6 if EVERY_CASE else 2))
def test_no_batch_begins_once_more_hosts_failed_than_may(
    fleet: Dispatcher, notes: Notes, seed: int
) -> None:
    random = Random(seed)  # noqa: S311 - the same faults each time
    steps = random.choice([["1"], ["2"], ["1", "3"], ["30%"], ["1", "50%"], ["4"]])
    most = random.randrange(3)
    bad = random.sample(HOSTS, random.randrange(1, 6))
    notes.let("fail", bad)
    touched: list[str] = []
    for batch in split(HOSTS, steps):
        if sum(host in bad for host in touched) > most:
            break
        touched += batch
    left = [host for host in HOSTS if host not in touched]

    answer = fleet.run(
        "all",
        "--exec",
        notes.command,
        "--serial",
        ",".join(steps),
        "--max-fail",
        str(most),
        "--json",
    )

    assert notes.ran(HOSTS) == dict.fromkeys(touched, 1)
    assert [each["host"] for each in answer.document["results"]] == HOSTS
    found = by_reason(answer.document)
    assert found.get("not_started", []) == left
    assert found.get("exit_nonzero", []) == [host for host in touched if host in bad]
    largest = max(map(len, split(HOSTS, steps)))
    assert len(found.get("exit_nonzero", [])) <= most + largest
    assert answer.code == answer.document["exit_code"] == 1
    ends = recorded(fleet)
    assert [host for host, end in ends.items() if end == ("ABORTED", "not_started")] == left


@pytest.mark.resident
def test_the_output_of_all_batches_is_that_of_one_run(fleet: Dispatcher) -> None:
    answer = fleet.run("all", "--exec", "echo one", "--serial", "1,30%")

    assert answer.code == 0
    assert sorted(answer.out.splitlines()) == [f"{host} | one".encode() for host in HOSTS]
    assert re.findall(r"(?m)^(\S+) +SUCCESS +exit ", answer.err.decode()) == HOSTS


@pytest.mark.resident
def test_batches_sent_again_under_their_id_run_nothing_twice(
    fleet: Dispatcher, notes: Notes
) -> None:
    call = ("h001,h002,h003", "--exec", notes.command, "--serial", "1", "--json")
    run_id = ("--run-id", f"batches_{os.urandom(4).hex()}")
    notes.let("fail", ["h002"])
    first = fleet.run(*call, *run_id, "--max-fail", "0")
    assert notes.ran(HOSTS) == {"h001": 1, "h002": 1}

    second = fleet.run(*call, *run_id)

    assert notes.ran(HOSTS) == {"h003": 1}
    assert [each["attached"] for each in second.document["results"]] == [True, True, False]
    assert by_reason(first.document)["not_started"] == ["h003"]
    assert (first.code, first.document["outcome"]) == (1, "FAILURE")
    assert by_reason(second.document) == {"ok": ["h001", "h003"], "exit_nonzero": ["h002"]}


@pytest.mark.engines
@pytest.mark.sampled("user")
def test_a_killed_caller_touches_no_more_than_the_batch_that_it_was_in(
    fleet: Dispatcher, notes: Notes, lab: Lab
) -> None:
    notes.let("hold", HOSTS[1:3])
    notes.let("fail", HOSTS[2:3])
    batches = ("--serial", "1,2", "--max-fail", "5")
    with fleet.start("all", "--exec", notes.command, *batches, "--timeout", "300") as client:
        wait_until(lambda: len(list(notes.directory.glob("ran-*"))) == 3, 90, "two batches run")
        os.killpg(client.pid, signal.SIGKILL)
        client.communicate(timeout=30)
    assert recorded(fleet) == {
        "h001": ("SUCCESS", "ok"),
        **dict.fromkeys(HOSTS[1:3], (None, None)),
        **dict.fromkeys(HOSTS[3:], ("ABORTED", "not_started")),
    }
    running = fleet.run("--rerun")
    assert running.code == 2
    assert b"the command is still running under " in running.err
    notes.let("hold", ())
    wait_until(lambda: not any(map(left_on, lab.vms.values())), 60, "nothing runs on the machines")
    wait_until(lambda: b"still running" not in fleet.run("--rerun", "timeout").err, 60, "it ends")
    time.sleep(1)
    assert notes.ran(HOSTS) == dict.fromkeys(HOSTS[:3], 1)

    notes.let("fail", ())
    again = fleet.run("--rerun", "--json", "--serial", "100%")

    assert again.code == 0
    assert notes.ran(HOSTS) == dict.fromkeys(HOSTS[2:], 1)
    assert [each["host"] for each in again.document["results"]] == HOSTS[2:]
    assert fleet.run("--rerun").err.startswith(b"nothing to do again: ")


@pytest.mark.resident
def test_an_interrupt_stops_the_batch_and_begins_no_other(fleet: Dispatcher, notes: Notes) -> None:
    notes.let("hold", HOSTS)
    call = ("all", "--exec", notes.command, "--serial", "2", "--timeout", "300", "--json")
    with fleet.start(*call) as client:
        wait_until(lambda: len(list(notes.directory.glob("ran-*"))) == 2, 90, "a batch runs")
        os.killpg(client.pid, signal.SIGINT)
        out, err = client.communicate(timeout=90)
    document = json.loads(out)
    assert (client.returncode, b"Traceback" in err) == (130, False)
    assert by_reason(document) == {"aborted": HOSTS[:2], "not_started": HOSTS[2:]}
    stopped = {each["host"]: each["stop_verified"] for each in document["results"]}
    assert stopped == dict.fromkeys(HOSTS[:2], True) | dict.fromkeys(HOSTS[2:])
    assert notes.ran(HOSTS) == dict.fromkeys(HOSTS[:2], 1)


@pytest.mark.resident
@pytest.mark.parametrize("pattern", ["nobody", "h001:nobody"])
def test_batches_of_nobody_are_an_error(fleet: Dispatcher, pattern: str) -> None:
    answer = fleet.run(pattern, "--exec", "true", "--serial", "1")

    assert answer.code == 3
    assert b"nobody: no such host" in answer.err


@pytest.mark.resident
@pytest.mark.parametrize("pattern", ["h009,h003,h005,!h005", "h009:h003"])
def test_hosts_come_in_the_inventory_s_order_whatever_the_pattern(
    fleet: Dispatcher, pattern: str
) -> None:
    answer = fleet.run(pattern, "--exec", "true", "--serial", "1", "--json")

    assert [each["host"] for each in answer.document["results"]] == ["h003", "h009"]
