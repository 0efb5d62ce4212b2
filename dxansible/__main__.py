"""Entry point of ``dx-dispatch``, and of ``python -m dxansible``."""

from __future__ import annotations

import gc
import os
import sys
from _signal import SIG_DFL, SIGINT, default_int_handler, signal  # type: ignore[import-not-found]

__all__ = ["main"]

_OBJECTS = 50_000
"""New objects until a garbage collection: loading modules makes many, and no garbage."""


def main() -> None:
    """Run the command line; a Ctrl-C while it loads ends the process quietly."""
    signal(SIGINT, SIG_DFL)
    gc.set_threshold(_OBJECTS)
    _complete_streams()
    from dxansible.cli import command  # noqa: PLC0415 - not before Ctrl-C is safe

    signal(SIGINT, default_int_handler)
    try:
        command.main()
    finally:
        gc.freeze()  # a garbage collection would dominate the time to exit


def _complete_streams() -> None:
    """Open the null device, only to read from, for each closed standard stream.

    Few libraries can do without a stream, and what is written to a closed one is an error.
    """
    for fd, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDONLY)  # gets the lowest free descriptor: this one
            os.set_inheritable(nothing, True)  # noqa: FBT003 - os takes no name for it
            setattr(sys, name, os.fdopen(nothing, "w" if fd else "r"))


if __name__ == "__main__":
    main()
