"""Keeps what a scenario leaves behind apart from all else that runs on this machine.

A keeper calls a stop verified if no process is left that may have slipped away from the command:
one without a tag, whose parent is where the command's orphans go. On a VM that is its `init`. Here
it is this very process, and nothing but scenarios has its orphans here.
"""

from __future__ import annotations

import ctypes
import os
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["adopted"]

_PR_SET_CHILD_SUBREAPER = 36
_SECONDS = 0.3
_OURS = ("ansible", "python")
"""How the names of those begin that somebody here waits for."""


@contextmanager
def adopted() -> Iterator[None]:
    """Be the parent of orphans, and reap them."""
    done = threading.Event()
    reaper = threading.Thread(target=_reap, args=(done,), daemon=True)
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    reaper.start()
    try:
        yield
    finally:
        done.set()
        reaper.join()
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 0)


def _reap(done: threading.Event) -> None:
    while not done.wait(_SECONDS):
        for task in Path("/proc/self/task").iterdir():
            with suppress(OSError):
                for pid in (task / "children").read_text().split():
                    _reap_one(int(pid))


def _reap_one(pid: int) -> None:
    with suppress(OSError):
        name, _, rest = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(") ")
        if rest.startswith("Z") and not name.startswith(_OURS):
            os.waitpid(pid, os.WNOHANG)
