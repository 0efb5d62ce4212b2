"""A process that prepares something for an engine, beside it, and hands it over by a pipe."""

from __future__ import annotations

import ctypes
import os
import signal
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["begin"]

_PR_SET_PDEATHSIG = 1


def begin(work: Callable[[BinaryIO], None]) -> tuple[int, BinaryIO]:
    """Fork; return the child's pid, which has to be waited for, and what ``work`` writes in it.

    It is killed with its parent, whose lock it holds.
    """
    engine = os.getpid()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() == engine:
                with os.fdopen(writer, "wb") as file:
                    work(file)
        finally:
            os._exit(0)
    os.close(writer)
    return child, os.fdopen(reader, "rb")
