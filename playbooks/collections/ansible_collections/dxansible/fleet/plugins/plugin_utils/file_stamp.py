# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tells whether a file or directory is still as it was.

Few imports: Ansible compiles this in every run.
"""

from __future__ import annotations

import os
import stat
from typing import NamedTuple


class Stamp(NamedTuple):
    """The state of a file, or of a directory and the names in it."""

    inode: int
    mode: int
    names: tuple[str, ...] = ()
    size: int = 0
    modified: int = 0
    changed: int = 0
    """Nanoseconds. Shows a new mode, and edits that reset ``modified``."""


def stamp(path: str) -> Stamp | None:
    """The state of a path; None if it can't be opened.

    The path is opened because a network file system may otherwise answer without its server.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        found = os.fstat(fd)
        if stat.S_ISDIR(found.st_mode):
            names = tuple(sorted(os.listdir(fd)))  # noqa: PTH208 - of an open directory
            return Stamp(found.st_ino, found.st_mode, names)
    finally:
        os.close(fd)
    times = found.st_mtime_ns, found.st_ctime_ns
    return Stamp(found.st_ino, found.st_mode, (), found.st_size, *times)
