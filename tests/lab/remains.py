"""Clearing away a lab: one's own at its end, and those whose process was killed before that."""

import fcntl
import os
import pwd
import re
import shutil
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TextIO

from tests.lab import accounts, blackhole, processes

_NAME = re.compile(r"dxl[0-9a-f]{6}")
_CLAIM = "lab"


def claim(root: Path, name: str) -> TextIO:
    """Say that lab `name` runs in `root`, for as long as the file returned is open."""
    unlocked = root / f"{_CLAIM}.new"
    file = unlocked.open("w")
    fcntl.flock(file, fcntl.LOCK_EX)
    file.write(name)
    file.flush()
    unlocked.rename(root / _CLAIM)
    return file


def clear_if_dead(root: Path) -> None:
    """Clear away a lab of this user's in `root`, if there is one and it does not run any more."""
    with suppress(OSError):
        if root.lstat().st_uid != os.geteuid():
            return
        with (root / _CLAIM).open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails if the lab runs
            clear(root, file.read())


def clear(root: Path, name: str) -> None:
    """Remove all traces of lab `name` in `root`, however far it got."""
    if not _NAME.fullmatch(name):
        return
    with ExitStack() as last_first:
        last_first.callback(shutil.rmtree, root, ignore_errors=True)
        if os.geteuid() == 0:
            last_first.callback(blackhole.remove, name)
            for entry in pwd.getpwall():
                if entry.pw_name.startswith(f"{name}-"):
                    last_first.callback(accounts.remove, entry.pw_name)
        last_first.callback(processes.kill_all, lambda: processes.marked(mark(root)))
        last_first.callback(processes.kill_all, lambda: processes.running(f"{root}/sshd/"))


def mark(root: Path) -> str:
    """Return the environment variable that tells the processes of a lab's sessions."""
    return f"DXLAB={root}"
