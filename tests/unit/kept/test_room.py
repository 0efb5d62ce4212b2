"""Many engines: all stay while there is memory; then the least recently used one leaves."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from dxansible.kept import running
from dxansible.kept.fingerprint import directory
from tests.unit.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.unit.kept.person import Person

MOST = max(
    4, min(32, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4 // 100 // 2**20)
)


@pytest.fixture
def engines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Stand-ins: programs that hold locks, used one after another."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    os.mkdir(directory(), 0o700)  # noqa: PTH102 - a name
    found = []
    for number in range(MOST + 2):
        path = f"{directory()}/{number:032x}.sock"
        held = running.lock(path)
        assert held is not None
        found.append(subprocess.Popen(["sleep", "600"], pass_fds=(held,)))
        os.pwrite(held, f"{found[-1].pid} 1\n".encode(), 0)
        os.utime(held, (1000 + number, 1000 + number))
        os.close(held)
    yield found
    for each in found:
        each.kill()
        each.wait()


def test_the_least_recently_used_ones_leave(engines: list[subprocess.Popen[bytes]]) -> None:
    running.make_room(f"{directory()}/new.sock")
    for each in engines[:3]:
        assert each.wait(20) == -signal.SIGTERM

    assert [each.poll() for each in engines[3:]] == [None] * (MOST - 1)


def test_what_killed_ones_have_left_is_removed(engines: list[subprocess.Popen[bytes]]) -> None:
    name = f"{directory()}/{len(engines) - 1:032x}.sock"
    for trace in (name, f"{name}.1234", f"{name}.unfit"):
        with open(trace, "w"):  # noqa: PTH123 - a name
            pass
    engines[-1].kill()
    engines[-1].wait()
    running.make_room(f"{directory()}/new.sock")

    for trace in (name, f"{name}.lock", f"{name}.1234"):
        assert not os.path.lexists(trace)


def test_engines_of_several_environments_all_stay(person: Person) -> None:
    for _ in range(2):
        for number in range(3):
            assert person.say(env={"MINE": str(number)}).reason == ""
    first = set(person.pids())
    for number in range(3):
        assert person.say(env={"MINE": str(number)}).reason == ""

    assert len(first) == 3
    assert set(person.pids()) == first
    assert person.run("--engine", "stop").out.count("ended") == 3
    wait_until(lambda: not person.playbooks())
