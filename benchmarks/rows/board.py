"""``--sessions --watch``: how late a change is shown, and what an idle board costs."""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING

from benchmarks.row import Row
from benchmarks.timing import BenchError
from benchmarks.usage import resident_cpu
from tests.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.bench import Bench
    from benchmarks.caller import Caller

__all__ = ["measure"]

_HOSTS, _EACH = 50, 4
_TASKS = ("sleep 100000", "true", "false", "echo 'Shall I push it?'")
"""For each host a turn that runs, and three that have ended."""
_QUIET = 20.0
"""Seconds until the board listens, and is idle."""
_LONG = 240.0
"""Seconds of which the processor's time is taken: two runs of the board."""
_LATEST = 60.0
_LINES = 400
"""Of the terminal, so that every session has its line."""


def measure(bench: Bench) -> Iterator[Row]:
    """Yield the rows with the goals; there is nothing beside them."""
    work = f"--sessions --watch, {_HOSTS * _EACH} sessions on {_HOSTS} hosts: "
    with bench.caller(_HOSTS) as caller:
        caller.warm("all", "--exec", "true")
        for task in _TASKS:
            caller.dispatch("all", task, "--agent", "shell", "--no-slack")
        command = ["dx-dispatch", "--sessions", "--agents", "--watch"]
        board = Terminal(command, caller.environment, columns=200, lines=_LINES)
        threading.Thread(target=board.read, kwargs={"limit": 3600.0}, daemon=True).start()
        try:
            time.sleep(_QUIET)
            began, cpu = time.monotonic(), resident_cpu(caller.home)
            time.sleep(_LONG)
            share = 100 * (resident_cpu(caller.home) - cpu) / (time.monotonic() - began)
            delays = tuple(_delay(bench, caller, board) for _ in range(bench.samples))
        finally:
            board.close()
    yield Row(
        key="board",
        work=f"{work}a new one is shown after its id is printed",
        goal=2.0,
        unit="s",
        ours=delays,
        percent=100,
    )
    yield Row(
        key="board",
        work=f"{work}idle, of one core",
        goal=5.0,
        unit="%",
        ours=(share,),
        note="the board, its engine and the live connections, for four minutes",
    )


def _delay(bench: Bench, caller: Caller, board: Terminal) -> float:
    time.sleep(random.uniform(0, 2))  # noqa: S311 - no cryptography
    host = random.choice(bench.fleet.names(_HOSTS))  # noqa: S311 - as above
    told = caller.dispatch(host, "true", "--agent", "shell", "--no-slack").out.split()
    session = next(word for word in told if word.startswith("ses_")).encode()
    began = time.monotonic()
    while session not in board.seen:
        if time.monotonic() > began + _LATEST:
            message = f"the board does not show {session.decode()}"
            raise BenchError(message)
        time.sleep(0.01)
    return time.monotonic() - began
