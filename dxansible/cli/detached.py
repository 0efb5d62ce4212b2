"""Waits for hosts after the call has returned (``--detach``).

Callers run this file by its path, since they may have found our package in their working directory.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

__all__ = ["main"]


def main() -> None:
    """Make the call that the caller describes."""
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    waiter = import_module("dxansible.cli.waiter")  # from here, though another may be installed
    sys.path.pop(0)
    waiter.go_on(int(sys.argv[1]))


if __name__ == "__main__":
    main()
