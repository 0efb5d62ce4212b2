"""Waits for hosts after the call has returned (``--detach``).

Callers run this file by its path, since they may have found our package in their working directory.
"""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["main"]


def main() -> None:
    """Make the call that the caller describes."""
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    from dxansible.cli.waiter import go_on  # noqa: PLC0415 - from here, though another is installed

    sys.path.pop(0)
    go_on(int(sys.argv[1]))


if __name__ == "__main__":
    main()
