"""Our wheel and those of all that it needs, and environments made of them, once in a test run."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

__all__ = ["BIN", "ROOT", "environment_with", "wheels_of_all"]

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def _made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return a directory of the whole test run, which the first process that wants it fills."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    directory, ready = base / name, base / f"{name}.ready"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            make(directory)
            ready.touch()
    return directory


def wheels_of_all(factory: pytest.TempPathFactory) -> Path:
    """Return a directory with our wheel, and those of everything that it needs."""

    def make(directory: Path) -> None:
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "wheel", "--wheel-dir", directory, ROOT], check=True)

    return _made_once(factory, "wheels", make)


def environment_with(factory: pytest.TempPathFactory, package: str) -> Path:
    """Return the bin directory of an environment with a package and what that needs."""
    wheels = wheels_of_all(factory)

    def make(directory: Path) -> None:
        venv.create(directory)
        uv = [str(BIN / "uv"), "pip", "install", "--quiet", "--no-config", "--no-cache"]
        found = ["--offline", "--no-index", "--find-links", str(wheels)]
        python = ["--python", str(directory / "bin" / "python")]
        subprocess.run([*uv, *found, *python, package], check=True)

    return _made_once(factory, f"with-{package}", make) / "bin"
