"""Output that somebody reads is complete: a command waits for its reader, and for nobody else."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.dispatcher import marked_processes
from tests.integration.peak_memory import measure
from tests.integration.vm_processes import left_on, untraced, wait_until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.dispatcher import Dispatcher
    from tests.lab import Lab, Vm

MEBIBYTE = 2**20
FLOOD = int(os.environ.get("DX_FLOOD_BYTES", "60000000"))
"""Bytes; `make flood` has 2 GB."""
MOST_MEMORY = 200 * 10**6
LEASE = 20
"""Seconds for which a command waits for a client that has gone."""


@pytest.fixture
def vm(lab: Lab) -> Iterator[Vm]:
    """A machine without traces of other commands, before and after."""
    with untraced(lab.vms["macmini"], "ready", "done") as machine:
        yield machine


def _lines(count: int) -> str:
    """Return a command that writes so many lines of ten bytes each."""
    return f"seq 100000000 {100_000_000 + count - 1}"


def _expected(count: int) -> bytes:
    return b"".join(b"%d\n" % number for number in range(100_000_000, 100_000_000 + count))


def _spooled(vm: Vm) -> int:
    """Return the bytes that are kept of the command that ran there last."""
    sessions = (vm.home / ".local/state/dxansible/sessions").iterdir()
    last = max(sessions, key=lambda path: path.stat().st_mtime_ns)
    return sum(path.stat().st_size for path in last.glob("out.0*"))


def _begin(user: Dispatcher, vm: Vm, command: str, **options: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401 - Popen's own
    """Start a client whose command writes more than anything on the way holds, and is not read."""
    client = user.start(
        "macmini", "--exec", f"echo >ready; {command}; echo >done", "--timeout", "600", **options
    )
    wait_until((vm.home / "ready").exists, 60, "the command runs")
    return client


@pytest.mark.resident
def test_nine_megabytes_arrive_whole(user: Dispatcher) -> None:
    answer = user.run("epyc6", "--exec", "yes | head -c 9000000")
    assert answer.code == 0
    assert answer.out == b"y\n" * 4_500_000
    assert b"missing" not in answer.err


@pytest.mark.newcomer
@pytest.mark.long
@pytest.mark.sampled("user")
@pytest.mark.engines
def test_a_flood_arrives_with_its_checksum_in_fixed_memory_and_disk(
    user: Dispatcher, vm: Vm, tmp_path: Path
) -> None:
    command = f"yes 0123456789abcde | head -c {FLOOD}"
    measured = measure(user, tmp_path, "macmini", "--exec", command, "--timeout", "3600", "-q")
    digest = hashlib.sha256()
    for _ in range(FLOOD // 1_000_000):
        digest.update(b"0123456789abcde\n" * 62_500)
    with measured.out.open("rb") as got:
        assert hashlib.file_digest(got, "sha256").hexdigest() == digest.hexdigest()
    assert measured.code == 0
    assert 0 < measured.client_bytes < MOST_MEMORY
    assert 0 < measured.ansible_bytes < MOST_MEMORY
    assert _spooled(vm) < 6 * MEBIBYTE


@pytest.mark.resident
@pytest.mark.long
def test_a_reader_may_take_longer_than_any_lease(user: Dispatcher, vm: Vm) -> None:
    count = 1_500_000
    with _begin(user, vm, _lines(count)) as client:
        time.sleep(LEASE + 15)
        assert not (vm.home / "done").exists()
        out, err = client.communicate(timeout=300)
    assert client.returncode == 0
    assert out == _expected(count)
    assert b"missing" not in err


@pytest.mark.resident
@pytest.mark.long
def test_several_hosts_wait_for_one_reader(user: Dispatcher, lab: Lab) -> None:
    count = 1_000_000
    command = ("all", "--exec", _lines(count), "--timeout", "600")
    with user.start(*command) as client:
        time.sleep(LEASE + 10)
        out, err = client.communicate(timeout=300)
    assert client.returncode == 0, err
    found: dict[bytes, list[bytes]] = {}
    for line in out.splitlines(keepends=True):
        host, _, text = line.partition(b" | ")
        found.setdefault(host.strip(), []).append(text)
    assert {name.decode() for name in found} == set(lab.vms)
    for lines in found.values():
        assert b"".join(lines) == _expected(count)


@pytest.mark.resident
@pytest.mark.long
def test_what_errors_say_arrives_whole_beside_what_is_printed(user: Dispatcher) -> None:
    count = 700_000
    answer = user.run("epyc6", "--exec", f"{_lines(count)} >&2 & {_lines(count)}; wait", "-q")
    assert (answer.code, answer.out, answer.err) == (0, _expected(count), _expected(count))


@pytest.mark.resident
@pytest.mark.long
def test_a_command_does_not_wait_for_a_client_that_was_killed(user: Dispatcher, vm: Vm) -> None:
    with _begin(user, vm, _lines(2_000_000)) as client:
        time.sleep(3)
        assert not (vm.home / "done").exists()
        for pid in marked_processes(f"DXTEST={user.home}"):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until((vm.home / "done").exists, LEASE + 60, "the command goes on")
    assert client.returncode == -signal.SIGKILL


@pytest.mark.resident
def test_a_reader_that_goes_away_stops_the_command(user: Dispatcher, vm: Vm) -> None:
    with _begin(user, vm, "yes") as client:
        time.sleep(3)
        assert client.stdout is not None
        client.stdout.close()
        client.stdout = None
        client.communicate(timeout=60)
    assert not left_on(vm)
    assert not (vm.home / "done").exists()


@pytest.mark.resident
def test_a_reader_that_has_seen_enough_stops_the_command(user: Dispatcher, vm: Vm) -> None:
    with _begin(user, vm, "yes") as client:
        assert client.stdout is not None
        assert client.stdout.readline() == b"y\n"
        client.stdout.close()
        client.stdout = None
        client.communicate(timeout=60)
    assert not left_on(vm)


@pytest.mark.resident
def test_an_interrupt_counts_while_nobody_reads(user: Dispatcher, vm: Vm) -> None:
    with _begin(user, vm, "yes") as client:
        time.sleep(3)
        os.killpg(client.pid, signal.SIGINT)
        assert client.wait(timeout=60) == 130
        assert not left_on(vm)
        client.communicate(timeout=60)


@pytest.mark.resident
def test_a_deadline_counts_while_nobody_reads(user: Dispatcher, vm: Vm) -> None:
    with user.start("macmini", "--exec", "echo >ready; yes", "--timeout", "5") as client:
        wait_until((vm.home / "ready").exists, 60, "the command runs")
        wait_until(lambda: not left_on(vm), 60, "the command was stopped")
        client.communicate(timeout=60)
    assert client.returncode == 124


@pytest.mark.resident
def test_what_a_document_can_not_hold_is_in_the_exit_code(user: Dispatcher) -> None:
    answer = user.run("epyc6", "--exec", "yes | head -c 9000000", "--json")
    assert answer.code == answer.document["exit_code"] == 4
    assert answer.document["outcome"] == answer.result["outcome"] == "SUCCESS"
    assert answer.result["exit_code"] == 0
    missing = 9_000_000 - len(answer.result["stdout"])
    assert answer.result["truncation"]["stdout_bytes"] == missing > 0


@pytest.mark.resident
@pytest.mark.parametrize("form", ["--json", "--gather"])
def test_cutting_that_was_asked_for_changes_no_exit_code(user: Dispatcher, form: str) -> None:
    command = ("epyc6", "--exec", "yes | head -c 3000000", "--max-output", "100000", form)
    answer = user.run(*command)
    assert answer.code == 0
    assert len(answer.out) < 300_000


@pytest.mark.resident
def test_what_follows_too_late_says_how_much_is_missing(user: Dispatcher) -> None:
    command = ("epyc6", "--exec", _lines(300_000), "--max-output", "100000", "--json")
    session = user.run(*command).result["session_id"]
    answer = user.run("--logs", session)
    missing = 3_000_000 - len(answer.out)
    assert answer.code == 4
    assert f"{missing} bytes of output are missing".encode() in answer.err
    assert f"{missing} bytes of output came too fast and were cut here".encode() in answer.err
    assert _expected(300_000).startswith(answer.out[:10_000])
    assert _expected(300_000).endswith(answer.out[-10_000:])
