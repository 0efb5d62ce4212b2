"""The system's programs without some of them, for tests that must not find one by chance."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path

__all__ = ["system_without"]


@cache
def system_without(*names: str) -> str:
    """A directory of links to what is on the system's own PATH, but for programs with these names.

    It is for this process's tests, and goes with it.
    """
    place = Path(_kept(names).name)
    for directory in os.defpath.split(os.pathsep):
        if directory and Path(directory).is_dir():
            for program in Path(directory).iterdir():
                link = place / program.name
                if program.name not in names and not link.is_symlink():
                    link.symlink_to(program)
    return str(place)


@cache
def _kept(_names: tuple[str, ...]) -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="tests-programs-")
