"""Unix users for the virtual machines.  Root only."""

import os
import pwd
from pathlib import Path

from tests.lab import processes
from tests.lab.command import run


def create(name: str, home: Path) -> None:
    """Make a user that can log in with a key only."""
    home.mkdir(parents=True)
    # "*" and not "!": to sshd without PAM the latter is a locked account.
    run("useradd", "--system", "--password", "*", "--shell", "/bin/bash",
        "--no-create-home", "--home-dir", str(home), name)  # fmt: skip
    entry = pwd.getpwnam(name)
    os.chown(home, entry.pw_uid, entry.pw_gid)


def remove(name: str) -> None:
    """Kill a user's processes and delete the user, if there is one."""
    try:
        uid = pwd.getpwnam(name).pw_uid
    except KeyError:
        return
    processes.kill_all(lambda: processes.owned_by(uid))
    run("userdel", name)
