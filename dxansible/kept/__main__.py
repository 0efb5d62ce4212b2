"""Becomes an engine: detaches from its caller, then loads the modules of an engine.

Callers run this file by its path, since they may have found our package in their working directory.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time

__all__ = ["main"]


def main() -> None:
    """Run the engine that standard input describes."""
    order = json.load(sys.stdin) | {"began": time.time()}
    if os.fork():
        os._exit(0)
    os.ftruncate(order["lock"], 0)
    os.pwrite(order["lock"], f"{os.getpid()} {time.time():.0f}\n".encode(), 0)
    os.set_inheritable(order["lock"], False)  # noqa: FBT003 - os takes no name for it
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)  # the caller may have ignored them
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    import dxansible  # noqa: F401, PLC0415 - from here, though another one may be installed

    sys.path.pop(0)
    from dxansible.kept.resident import serve_calls  # noqa: PLC0415 - not in the caller's time

    serve_calls(order)


if __name__ == "__main__":
    main()
