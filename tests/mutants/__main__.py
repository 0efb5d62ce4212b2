"""Puts each mutant into a copy of the tree, and says which test finds it.

``python -m tests.mutants`` runs what has found each before, and if that passes, or is gone, all the
tests that may find it, the cheapest first. ``--record`` writes down the first that does.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from tests.mutants.suites import SUITES
from tests.patched import patched

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent
FOUND = HERE / "found.json"
_MOST_MISSED = 2
_LONGEST = 900.0
"""Seconds for a suite; a mutant that makes it hang is found."""
_NO_SUCH_TEST = 4
"""How pytest ends if a test that it is given is not there."""
_FAILED = re.compile(r"^(?:FAILED|ERROR) ([^\n]+?)(?: - [^\n]*)?$", re.MULTILINE)


def find(patch: Path, known: str) -> tuple[str, float]:
    """Return the test that finds a mutant, empty if none does, and the seconds that it took.

    ``known`` is the test to try first, if any.
    """
    began = time.monotonic()
    part = patch.name.partition("-")[0]
    with patched(patch) as copy:
        for suite in ([known], *SUITES[part]) if known else SUITES[part]:
            found = _run(copy, suite)
            if found:
                return found, time.monotonic() - began
    return "", time.monotonic() - began


def _run(copy: Path, tests: Sequence[str]) -> str:
    """Return the first test that fails; empty if none does."""
    own = copy.parent / "t"
    own.mkdir(exist_ok=True)
    own.chmod(0o1777)
    path = f"{copy}:{copy}/playbooks/collections"
    run = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider", *tests],
        cwd=copy, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": path, "DX_TEST_TMPDIR": str(own), "TMPDIR": str(own)},
    )  # fmt: skip
    try:
        said = run.communicate(timeout=_LONGEST)[0]
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate()
        return f"{tests[0]} does not end"
    if run.returncode == _NO_SUCH_TEST and "::" in tests[0]:
        return ""
    if run.returncode not in {0, 1}:
        raise RuntimeError(f"{tests}: {said[-2000:]}")
    failed = _FAILED.search(said)
    return failed[1] if failed else ""


def main() -> int:
    """Try each mutant."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("--record", action="store_true", help="write down what finds each")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("name", nargs="*", help="only these, or those of this part")
    options = parser.parse_args()
    patches = [
        patch
        for patch in sorted(HERE.glob("*.patch"))
        if not options.name or {patch.stem, patch.stem.partition("-")[0]} & set(options.name)
    ]
    known: dict[str, str] = json.loads(FOUND.read_text()) if FOUND.exists() else {}
    tried = ["" if options.record else known.get(patch.stem, "") for patch in patches]
    missed = 0
    with ThreadPoolExecutor(options.jobs) as pool:
        for patch, (found, seconds) in zip(patches, pool.map(find, patches, tried), strict=True):
            print(f"{patch.stem:45} {seconds:5.0f} s  {found or 'NOT FOUND'}", flush=True)  # noqa: T201
            missed += not found
            if found:
                known[patch.stem] = found
            else:
                known.pop(patch.stem, None)
            if options.record:
                FOUND.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
    print(f"{len(patches) - missed} of {len(patches)} found")  # noqa: T201
    return 1 if missed > _MOST_MISSED else 0


if __name__ == "__main__":
    sys.exit(main())
