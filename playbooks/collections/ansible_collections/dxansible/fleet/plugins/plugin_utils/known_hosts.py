# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Warns when ssh would accept a host's new key but can't store it.

ssh itself only prints a line then, and accepts any key the next time.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .ssh_config import SshConfig

_STRICT = frozenset({"yes", "true"})


def warning(host: str, ssh: SshConfig, timeout: float) -> str | None:
    """A warning with its remedy; None if the key is known or will be stored, or if unsure."""
    users = [name for name in ssh.user_known_hosts if name != "none"]
    names = [*users, *(name for name in ssh.global_known_hosts if name != "none")]
    if ssh.strict in _STRICT or not users or not all(map(_is_plain, names)):
        return None
    first = Path(users[0]).expanduser()
    if _can_write(first) or _is_known(ssh, names, timeout):
        return None
    return (
        f"{host}: its host key can't be saved, because {first} is not writable, so any other key "
        "would be accepted, too; make the file writable, or set UserKnownHostsFile in ssh_config"
    )


def _is_plain(name: str) -> bool:
    """Whether a word from ``ssh -G``, which neither quotes nor expands, is a complete path."""
    return name.startswith(("/", "~/")) and "%" not in name


def _can_write(file: Path) -> bool:
    """Whether the file is writable, or can be created with its directories."""
    if file.exists():
        return os.access(file, os.W_OK)
    directory = next(parent for parent in file.parents if parent.exists())
    return os.access(directory, os.W_OK | os.X_OK)


def _is_known(ssh: SshConfig, names: list[str], timeout: float) -> bool:
    host = ssh.hostname if ssh.port == 22 else f"[{ssh.hostname}]:{ssh.port}"  # noqa: PLR2004 - ssh's
    for name in names:
        file = str(Path(name).expanduser())
        command = ["ssh-keygen", "-F", ssh.host_key_alias or host, "-f", file]
        try:
            found = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False
            )
        except (FileNotFoundError, subprocess.TimeoutExpired):
            return True  # unsure, so no warning
        if found.returncode == 0:
            return True
    return False
