"""Many calls: at once, and one after another."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.unit.kept.person import Person, answer
from tests.unit.waiting import wait_until

if TYPE_CHECKING:
    import subprocess

CALLS = int(os.environ.get("DX_SOAK_CALLS", "60"))
_LOOP = """
import sys
from dxansible.fleet import fanout_ssh
for number in range(int(sys.argv[1])):
    result = fanout_ssh("here", f"echo {number}")
    assert (result.outcome, result.stdout) == ("SUCCESS", f"{number}\\n"), result
print("all")
"""


def test_twenty_calls_at_once_all_work(regular: Person) -> None:
    processes = [
        regular.dispatch("here", "--exec", f"echo {number}", "-q", "--no-slack")
        for number in range(20)
    ]

    for number, process in enumerate(processes):
        said = answer(process)
        assert (said.code, said.out, said.err) == (0, f"{number}\n", "")


def test_slow_huge_and_hung_calls_hold_no_other_up(regular: Person) -> None:
    (regular.home / "finish").unlink(missing_ok=True)
    slow = regular.dispatch("here", "--exec", "until [ -e ~/finish ]; do sleep 0.2; done; echo end")
    huge = regular.dispatch("twin", "--exec", "yes | head -c 30000000", "-q")  # nobody reads it
    hung = regular.dispatch("here", "--exec", "trap '' TERM; touch ~/hung; sleep 600")
    wait_until((regular.home / "hung").exists)
    short = [regular.dispatch("all", "--exec", f"echo {n}", "-q", "-v") for n in range(20)]
    for number, process in enumerate(short):
        said = answer(process)
        assert (said.code, said.out.count(f" | {number}\n")) == (0, 2), said.err
    assert (slow.poll(), huge.poll(), hung.poll()) == (None, None, None)
    (regular.home / "finish").touch()

    assert answer(slow).out == "end\n"
    said = answer(huge)
    assert (said.code, len(said.out)) == (0, 30_000_000)
    hung.kill()
    answer(hung)
    assert regular.say().reason == ""


def test_a_client_that_reads_nothing_costs_no_memory(regular: Person) -> None:
    regular.say()
    before = [memory(pid) for pid in regular.family()]
    process = regular.dispatch("here", "--exec", "yes", "-q")
    time.sleep(5)
    grown = [memory(pid) - had for pid, had in zip(regular.family(), before, strict=True)]
    process.kill()
    answer(process)
    stop_yes()

    assert max(grown) < 60_000


def stop_yes() -> None:
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if line.read_bytes() == b"yes\0" and line.parent.stat().st_uid == os.geteuid():
                os.kill(int(line.parent.name), 15)
        except OSError:
            continue


def test_calls_leave_nothing_in_an_engine(regular: Person) -> None:
    loop(regular, 40)
    before = quiet(regular)
    loop(regular, CALLS)
    after = quiet(regular)

    for (fds, threads, children, kilobytes), now in zip(before, after, strict=True):
        assert now[:3] == (fds, threads, children)
        assert now[3] - kilobytes < 1_000 + CALLS


def loop(person: Person, count: int) -> None:
    """Make calls in one program, and some in many."""
    process: subprocess.Popen[str] = person.program(_LOOP, str(count))
    said = answer(process, patience=120 + count)
    assert said.out == "all\n", said.err
    for each in [person.dispatch("here", "--exec", "true") for _ in range(5)]:
        assert answer(each).code == 0


def quiet(person: Person) -> list[tuple[int, int, int, int]]:
    """What the processes of the engine hold, once calls have ended there."""
    seen: list[list[tuple[int, int, int, int]]] = []

    def settled() -> bool:
        time.sleep(1.5)  # as long as the watchdog of calls may look
        seen.append([footprint(pid) for pid in person.family()])
        return len(seen) > 1 and [each[:3] for each in seen[-1]] == [each[:3] for each in seen[-2]]

    wait_until(settled)
    return seen[-1]


def footprint(pid: int) -> tuple[int, int, int, int]:
    """Open file descriptors, threads, children (zombies too), private memory in KiB."""
    root = Path(f"/proc/{pid}")
    children = (root / f"task/{pid}/children").read_text().split()
    threads = len(list((root / "task").iterdir()))
    return len(list((root / "fd").iterdir())), threads, len(children), memory(pid)


def memory(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if "RssAnon" in line)
