"""Puts each fault into a copy of the product, and says whether the simulation finds it."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tests.patched import patched


def find(patch: Path, seeds: int) -> str:
    """Return what is found with a fault; empty if nothing is."""
    with patched(patch) as copy:
        played = subprocess.run(
            [sys.executable, "-m", "tests.simulation", "--new", "--seeds", str(seeds), "--jobs=1",
             *_profile(patch)],
            cwd=copy, capture_output=True, text=True, check=False,
        )  # fmt: skip
    if "the simulation failed" in played.stdout or played.returncode not in {0, 1}:
        raise RuntimeError(f"{patch.stem}: {played.stdout} {played.stderr[-300:]}")
    return played.stdout.strip() if played.returncode else ""


def _profile(patch: Path) -> list[str]:
    """Return the option for the one profile that a patch may name in its first line."""
    word, _sep, name = patch.read_text().partition("\n")[0].partition(": ")
    return ["--profile", name] if word == "profile" else []


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
