"""Copies of the tree with a patch in each, for what has to find a fault."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ROOT", "patched"]

ROOT = Path(__file__).parents[1]
_LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".cache", ".*_cache")


@contextmanager
def patched(patch: Path) -> Iterator[Path]:
    """Make a copy that has the patch, and remove it at the end.

    Raises CalledProcessError if the patch does not fit.
    """
    with tempfile.TemporaryDirectory(
        prefix="dx-fault-", dir="/tmp", ignore_cleanup_errors=True
    ) as directory:
        copy = Path(directory) / "tree"
        shutil.copytree(ROOT, copy, symlinks=True, ignore=_LEFT_OUT)
        Path(directory).chmod(0o755)  # the lab's VMs have users of their own
        words = ["patch", "-p1", "--quiet", "-i", str(patch)]
        subprocess.run(words, cwd=copy, check=True, stdin=subprocess.DEVNULL)
        yield copy
