"""Commands whose processes are hard to find or hard to end."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from tests.integration.keeper.machine import wait_until
from tests.lab import processes

if TYPE_CHECKING:
    from tests.integration.keeper.machine import Machine

__all__ = ["ALL", "HOPS", "STRAY", "TREES", "Tree"]

STUBBORN = "sh -c 'trap \"\" TERM; while :; do SLEEP; done'"
TREES = {
    "children": "SLEEP & SLEEP & (SLEEP; :) &",
    "ignores-term": f"{STUBBORN} & {STUBBORN} &",
    "own-session": f"setsid SLEEP & setsid {STUBBORN} &",
    "nohup": "nohup SLEEP & nohup sh -c 'SLEEP; :' >/dev/null 2>&1 &",
    "double-fork": (
        "(setsid sh -c 'SLEEP & SLEEP &' </dev/null >/dev/null 2>&1 &) & ( (SLEEP &) & ); (SLEEP &)"
    ),
    "own-session-each": 'sh -c \'setsid sh -c "SLEEP; :" & setsid sh -c "SLEEP; :" &\'',
    "holds-streams": "SLEEP & setsid sh -c 'trap \"\" TERM HUP; SLEEP; echo late' &",
    "no-environment": "env -i sh -c 'SLEEP; :' &",
    "stopped": "sh -c 'kill -STOP $$; SLEEP' & SLEEP & kill -STOP $!",
    "chain": "hop() { sleep 0.01; echo >>hops; [ $(wc -l <hops) -gt 2000 ] || hop & };"
    " trap '' TERM; hop &",
}
STRAY = "env -i setsid sh -c 'SLEEP &' </dev/null >/dev/null 2>&1"
"""Leaves the session, its parent, the environment and the streams: nothing tells whose it is."""
HOPS = """export HOP='sleep 0.01; echo >>hops; [ $(wc -l <hops) -gt 2000 ] || setsid sh -c "$HOP" &'
trap '' TERM; sh -c "$HOP"
"""
"""A process that lives for 10 ms and hands over to one in a session of its own, and so on."""
ALL = "\n".join(TREES.values())


class Tree:
    """A command with such processes, to be known by how long they sleep."""

    def __init__(self, text: str) -> None:
        """Give each its own duration."""
        duration = f"86{secrets.randbelow(10**8):08}"
        self._duration = duration
        text = f"{text}\necho up; SLEEP; wait"
        self.command = text.replace("SLEEP", f"sleep {duration}")

    def start(self, machine: Machine, name: str, **options: object) -> float:
        """Start it, wait until its processes are there, and return that moment."""
        machine.start(name, self.command, wait=20, **options)
        began = time.monotonic()
        wait_until(self.alive)
        return began

    def alive(self) -> set[int]:
        """Return the pids that are left of it."""
        return processes.running(self._duration)
