"""Runs a program as sshd would, then stays as the parent of its orphans until they are gone.

    orphanage.py REPORT_FD PROGRAM ARGUMENT…

Orphans of what runs here come to this process and not to that of the whole machine, so whatever
else runs on the machine can't be taken for them. The report has the program's pid and exit code.
On SIGTERM it kills what is left, from the top down, which no chain of processes outruns.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_CHILDREN = Path(f"/proc/self/task/{os.getpid()}/children")


def main(report: int, *program: str) -> None:
    """Start the program, and reap."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, lambda *_: _kill_all())
    os.set_inheritable(report, False)  # noqa: FBT003 - it takes no keyword
    child = os.posix_spawnp(program[0], program, os.environ, setsigdef=[signal.SIGPIPE])
    os.write(report, f"{child}\n".encode())
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    with suppress(ChildProcessError):
        while True:
            pid, status = os.wait()
            if pid == child:
                os.write(report, f"{os.waitstatus_to_exitcode(status)}\n".encode())
                os.close(report)


def _kill_all() -> None:
    with suppress(ChildProcessError):
        while True:
            for pid in _CHILDREN.read_text(encoding="ascii").split():
                os.kill(int(pid), signal.SIGKILL)
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
