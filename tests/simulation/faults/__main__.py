"""Puts each fault into a copy of the product, and says whether the simulation finds it."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[3]
_NEEDED = (
    "playbooks",
    "tests/simulation",
    "tests/__init__.py",
    "dxansible",
    "inventory",
    "pyproject.toml",
)


def find(patch: Path, seeds: int) -> str:
    """Return what is found with a fault; empty if nothing is."""
    with tempfile.TemporaryDirectory(prefix="dx-fault-") as directory:
        copy = Path(directory)
        for name in _NEEDED:
            source = ROOT / name
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, copy / name, symlinks=True)
            else:
                shutil.copy(source, copy / name)
        words = ["patch", "-p1", "--quiet", "-i", str(patch)]
        subprocess.run(words, cwd=copy, check=True, stdin=subprocess.DEVNULL)
        played = subprocess.run(
            [sys.executable, "-m", "tests.simulation", "--new", "--seeds", str(seeds), "--jobs=1"],
            cwd=copy, capture_output=True, text=True, check=False,
        )  # fmt: skip
    if "the simulation failed" in played.stdout or played.returncode not in {0, 1}:
        raise RuntimeError(f"{patch.stem}: {played.stdout} {played.stderr[-300:]}")
    return played.stdout.strip() if played.returncode else ""


def main() -> int:
    """Try each fault; those that are not found are listed."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.faults")
    parser.add_argument("--seeds", type=int, default=3000)
    parser.add_argument("name", nargs="*", help="only these")
    options = parser.parse_args()
    patches = sorted(Path(__file__).parent.glob("*.patch"))
    patches = [each for each in patches if not options.name or each.stem in options.name]
    missed = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for patch, found in zip(
            patches, pool.map(partial(find, seeds=options.seeds), patches), strict=True
        ):
            print(f"{patch.stem}: {found or 'NOT FOUND'}", flush=True)  # noqa: T201
            missed += [] if found else [patch.stem]
    print(f"{len(patches) - len(missed)} of {len(patches)} found")  # noqa: T201
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
