"""``python -m tests.directed``: faults at chosen moments, again and again, on a busy machine.

Further arguments go to pytest, which runs the tests marked as directed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from contextlib import ExitStack

_BUSY = "while True: pass"


def main() -> int:
    """Return pytest's exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.directed", description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--busy", type=int, default=4, help="busy loops beside the tests")
    parser.add_argument("--jobs", type=int, default=4)
    chosen, rest = parser.parse_known_args()
    command = [sys.executable, "-m", "pytest", "-m", "directed", "-n", str(chosen.jobs), *rest]
    with ExitStack() as stack:
        for _ in range(chosen.busy):
            loop = subprocess.Popen([sys.executable, "-c", _BUSY])
            stack.callback(loop.wait)
            stack.callback(loop.kill)
        environment = {**os.environ, "DX_ROUNDS": str(chosen.rounds)}
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
