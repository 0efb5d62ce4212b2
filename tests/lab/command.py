"""Running the system's small commands."""

import os
import subprocess

from tests.lab.faults import LabError

_ENVIRONMENT = os.environ | {
    "LC_ALL": "C",
    "PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin",
}


def run(*command: str) -> str:
    """Return what `command` printed; raise `LabError` with its complaint when it fails."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env=_ENVIRONMENT,
            start_new_session=True,  # the terminal's Ctrl-C is for the lab, which cleans up
        )
    except FileNotFoundError:
        message = f"no such command: {command[0]}"
        raise LabError(message) from None
    if done.returncode != 0:
        complaint = " ".join(done.stderr.split()) or f"exit status {done.returncode}"
        message = f"{' '.join(command)}: {complaint}"
        raise LabError(message)
    return done.stdout
