"""Entry point of ``dx-dispatch``, and of ``python -m dxansible``."""

from __future__ import annotations

import gc
import os
import sys
from _signal import SIG_DFL, SIGINT, default_int_handler, signal  # type: ignore[import-not-found]

__all__ = ["main"]


def main() -> None:
    """Run the command line; a Ctrl-C while that is still being loaded ends the process quietly."""
    signal(SIGINT, SIG_DFL)
    _complete_streams()
    from dxansible import cli  # noqa: PLC0415 - not before Ctrl-C is safe

    signal(SIGINT, default_int_handler)
    try:
        cli.main()
    finally:
        gc.freeze()  # a collection of garbage would be the longest part of the end


def _complete_streams() -> None:
    """Have the three standard streams, since few libraries are ready for one that is closed."""
    for fd, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDWR)  # as the lowest number that is free
            os.set_inheritable(nothing, True)  # noqa: FBT003 - os takes no name for it
            setattr(sys, name, os.fdopen(nothing, "w" if fd else "r"))


if __name__ == "__main__":
    main()
