"""Runs a program as sshd would, then stays as the parent of its orphans until they are gone.

    orphanage.py REPORT_FD PROGRAM ARGUMENT…

Orphans of what runs here come to this process and not to that of the whole machine, so whatever
else runs on the machine can't be taken for them. The report has the program's pid and exit code.
It runs once for each start, so it imports little.
"""

from __future__ import annotations

import ctypes
import os
import sys

_PR_SET_CHILD_SUBREAPER = 36
_SIGPIPE = 13


def main(report: int, *program: str) -> None:
    """Start the program, and reap."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    os.set_inheritable(report, False)  # noqa: FBT003 - it takes no keyword
    child = os.posix_spawnp(program[0], program, os.environ, setsigdef=[_SIGPIPE])
    os.write(report, f"{child}\n".encode())
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    while True:
        try:
            pid, status = os.wait()
        except ChildProcessError:
            return
        if pid == child:
            os.write(report, f"{os.waitstatus_to_exitcode(status)}\n".encode())
            os.close(report)


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
