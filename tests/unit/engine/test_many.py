"""Many calls: at once, and one after another."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tests.unit.engine.person import answer
from tests.unit.waiting import wait_until

if TYPE_CHECKING:
    from tests.unit.engine.person import Person

CALLS = int(os.environ.get("DX_SOAK_CALLS", "200"))


def test_twenty_calls_at_once_all_work(regular: Person) -> None:
    processes = [
        regular.dispatch("here", "--exec", f"echo {number}", "-q", "--no-slack")
        for number in range(20)
    ]

    for number, process in enumerate(processes):
        said = answer(process)
        assert (said.code, said.out, said.err) == (0, f"{number}\n", "")


def test_calls_leave_nothing_in_an_engine(regular: Person) -> None:
    def call(count: int) -> None:
        for _ in range(count // 5):
            for process in [regular.dispatch("--version") for _ in range(5)]:
                assert answer(process).code == 0
        for _ in range(count // 100):
            assert answer(regular.dispatch("here", "--exec", "true")).code == 0

    call(20)
    wait_until(lambda: not any(footprint(pid)[1] for pid in regular.pids()))  # the last has ended
    before = {pid: footprint(pid) for pid in regular.pids()}
    call(CALLS)

    assert len(before) == 3
    for pid, (fds, children, kilobytes) in before.items():
        wait_until(lambda pid=pid, had=(fds, children): footprint(pid)[:2] == had)  # type: ignore[misc]
        assert footprint(pid)[2] - kilobytes < 500


def footprint(pid: int) -> tuple[int, int, int]:
    """Open file descriptors, children (zombies too), private memory in KiB."""
    root = Path(f"/proc/{pid}")
    children = (root / f"task/{pid}/children").read_text().split()
    memory = [line for line in (root / "status").read_text().splitlines() if "RssAnon" in line]
    return len(list((root / "fd").iterdir())), len(children), int(memory[0].split()[1])
