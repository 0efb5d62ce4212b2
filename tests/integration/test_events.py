"""Events over real SSH: at once, whole, and at the pace of their reader."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.peak_memory import measure
from tests.integration.vm_processes import left_on, untraced, wait_until
from tests.schemas import check_lines

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Lab, Vm

pytestmark = pytest.mark.resident

FLOOD = 20_000_000
"""Bytes."""
MOST_MEMORY = 200 * 10**6


@pytest.fixture
def vm(lab: Lab) -> Iterator[Vm]:
    """A machine without traces of other commands, before and after."""
    with untraced(lab.vms["macmini"], "ready", "done") as machine:
        yield machine


def _text(events: list[dict[str, Any]], host: str) -> str:
    assert not any(each.get("skipped") for each in events)
    return "".join(each.get("text", "") for each in events if each.get("host") == host)


def _begin(user: Dispatcher, vm: Vm, command: str) -> subprocess.Popen[bytes]:
    client = user.start(
        "macmini", "--exec", f"echo >ready; {command}; echo >done", "--timeout", "600", "--jsonl"
    )
    wait_until((vm.home / "ready").exists, 60, "the command runs")
    return client


def test_every_host_is_told_and_the_file_has_the_same(
    user: Dispatcher, lab: Lab, tmp_path: Path
) -> None:
    path = tmp_path / "events.jsonl"
    command = "for n in 1 2 3; do printf 'h\\303'; sleep 0.3; printf '\\251\\n'; done"
    answer = user.run("all", "--exec", command, "--jsonl", env={"DX_EVENTS": str(path)})
    events, noted = check_lines(answer.out), check_lines(path.read_bytes())

    assert answer.code == 0
    for host in lab.vms:
        assert _text(events, host) == _text(noted, host) == "hé\n" * 3
    assert all("base64" not in each for each in events)
    assert events[-1]["outcomes"]["SUCCESS"] == len(lab.vms)
    assert [each | {"time": 0} for each in events] == [each | {"time": 0} for each in noted]


def test_an_event_is_there_at_once(user: Dispatcher, vm: Vm) -> None:
    go = "echo first; until [ -e done ]; do sleep 0.05; done"
    with user.start("macmini", "--exec", go, "--jsonl") as client:
        assert client.stdout is not None
        texts = (json.loads(line).get("text") for line in client.stdout)
        assert next(filter(None, texts)) == "first\n"
        assert not (vm.home / "done").exists()
        (vm.home / "done").touch()
        client.communicate(timeout=60)
    assert client.returncode == 0


@pytest.mark.long
def test_a_flood_of_events_is_whole_in_fixed_memory(
    user: Dispatcher, vm: Vm, tmp_path: Path
) -> None:
    path = tmp_path / "events.jsonl"
    user.environment["DX_EVENTS"] = str(path)
    command = f"yes 0123456789abcde | head -c {FLOOD}"
    line = ("macmini", "--exec", command, "--timeout", "3600", "-q", "--jsonl")
    measured = measure(user, tmp_path, *line)
    assert left_on(vm) == []
    for written in (measured.out, path):
        assert _text(check_lines(written.read_bytes()), "macmini") == "0123456789abcde\n" * (
            FLOOD // 16
        )
    assert measured.code == 0
    assert 0 < measured.client_bytes < MOST_MEMORY


@pytest.mark.long
def test_a_command_waits_for_the_reader_of_its_events(user: Dispatcher, vm: Vm) -> None:
    with _begin(user, vm, "seq 100000000 100999999") as client:
        time.sleep(5)
        assert not (vm.home / "done").exists()
        out, _ = client.communicate(timeout=300)
    assert client.returncode == 0
    wanted = "".join(f"{number}\n" for number in range(100_000_000, 101_000_000))
    assert _text(check_lines(out), "macmini") == wanted


def test_a_reader_of_events_that_has_seen_enough_stops_the_command(
    user: Dispatcher, vm: Vm
) -> None:
    with _begin(user, vm, "yes") as client:
        assert client.stdout is not None
        assert json.loads(client.stdout.readline())["event"] == "hosts"
        client.stdout.close()
        client.stdout = None
        client.communicate(timeout=60)
    assert not left_on(vm)


def test_an_interrupt_counts_while_nobody_reads_the_events(user: Dispatcher, vm: Vm) -> None:
    with _begin(user, vm, "yes") as client:
        time.sleep(3)
        os.killpg(client.pid, signal.SIGINT)
        assert client.wait(timeout=60) == 130
        assert not left_on(vm)
        client.communicate(timeout=60)


@pytest.mark.parametrize("place", ["fifo", "/dev/full"])
def test_a_file_that_takes_nothing_costs_the_call_nothing(
    user: Dispatcher, tmp_path: Path, place: str
) -> None:
    os.mkfifo(tmp_path / "fifo")
    answer = user.run("epyc6", "--exec", "echo hi", env={"DX_EVENTS": str(tmp_path / place)})

    assert (answer.code, answer.out) == (0, b"hi\n")
    assert answer.err.count(b"events_not_written") == 1
