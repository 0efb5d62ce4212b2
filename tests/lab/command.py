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
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=_ENVIRONMENT,
            start_new_session=True,  # Ctrl-C is for the lab only, which cleans up
        )
    except FileNotFoundError:
        message = f"no such command: {command[0]}"
        raise LabError(message) from None
    try:
        output, complaint = process.communicate()
    except BaseException:
        process.wait()  # `subprocess.run` would kill a `useradd` half-way
        raise
    if process.returncode != 0:
        reason = " ".join(complaint.split()) or f"exit status {process.returncode}"
        message = f"{' '.join(command)}: {reason}"
        raise LabError(message)
    return output
