"""Computes an engine's fingerprint, which names its socket.

The fingerprint covers everything that an engine must share with its callers: a call goes to an
engine only if their fingerprints are the same. Every call loads this module, so it imports little.
"""

from __future__ import annotations

import os
import sys
from _blake2 import blake2b  # hashlib imports much

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "EngineNotRunning",
    "EngineUnusable",
    "check_directory",
    "directory",
    "environment_of",
    "socket_path",
]

_NOT_SHARED = frozenset(
    {
        *("_", "OLDPWD", "PYTEST_CURRENT_TEST", "SHLVL", "PS1", "INVOCATION_ID", "JOURNAL_STREAM"),
        *("COLORTERM", "COLUMNS", "LINES", "LS_COLORS", "TERM", "TERM_PROGRAM", "TERM_SESSION_ID"),
        *("TERM_PROGRAM_VERSION", "STY", "TMUX", "TMUX_PANE", "WINDOW", "WINDOWID"),
        *("SSH_CLIENT", "SSH_CONNECTION", "SSH_TTY", "SYSTEMD_EXEC_PID", "XDG_SESSION_ID"),
        *("GITHUB_TOKEN", "GH_TOKEN", "JULES_API_KEY", "SLACK_BOT_TOKEN", "SLACK_WEBHOOK_URL"),
        *("DX_ENGINE", "DX_ENGINE_IDLE", "DX_ENGINE_PATIENCE", "DX_EVENTS", "DX_INVENTORY"),
        *("DX_JULES_URL", "DX_LOG_FORMAT", "DX_PLAYBOOKS", "DX_RECEPTOR_SOCKET", "DX_SESSION_TAG"),
        *("DX_SLACK_CHANNEL", "DX_SLACK_URL"),
    }
)
"""Not in the fingerprint: variables of one terminal or call, and the tokens of services."""
_STATUS = ("Uid:", "Gid:", "Groups:", "Cap", "NoNewPrivs:", "Seccomp", "Cpus_allowed:")
_NAMESPACES = ("mnt", "pid", "net", "user", "uts", "ipc", "cgroup")
_LONGEST = 100
"""Bytes of a socket's path; the path of the worker's socket adds a pid."""
_DIRECTORY = 0o040000
"""File type bits of a directory: ``stat.S_IFDIR``, without the time to import stat."""


class EngineUnusable(Exception):  # noqa: N818 - not an error: the call runs cold
    """No engine can take this call; the text says why."""


class EngineNotRunning(EngineUnusable):
    """No engine runs yet, or it has just stopped."""


def directory() -> str:
    """Return the directory of this user's engines; it need not exist."""
    place = os.environ.get("XDG_RUNTIME_DIR") or "/tmp"  # noqa: S108 - checked before use
    return f"{place}/dx-engine-{os.geteuid()}"


def check_directory() -> None:
    """Create the directory if it is missing. Raises EngineUnusable if other users have access."""
    place = directory()
    try:
        os.mkdir(place, 0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise EngineUnusable(f"{place} can't be made: {error.strerror}") from None
    found = os.lstat(place)
    if found.st_mode & ~0o7700 != _DIRECTORY or found.st_uid != os.geteuid():
        raise EngineUnusable(f"{place} is not a directory of ours alone")


def environment_of(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that can affect a run of Ansible."""
    return {name: value for name, value in environment.items() if name not in _NOT_SHARED}


def socket_path(inventory: Iterable[str], playbooks: str, environment: Mapping[str, str]) -> str:
    """Return the path of the socket of the engine for these. Raises EngineUnusable.

    ``environment`` is Ansible's whole environment.
    """
    try:
        here = os.getcwd()
        shared = sorted(environment_of(environment).items())
        parts = [sys.executable, sys.version, __file__, here, str(os.getpriority(0, 0)), playbooks]
        parts += [*inventory, "", *(part for item in shared for part in item)]
        digest = blake2b(digest_size=16)
        for part in (*map(os.fsencode, parts), *_situation()):
            digest.update(len(part).to_bytes(4, "big") + part)
    except OSError as error:
        raise EngineUnusable(f"this process can't be described: {error.strerror}") from None
    path = f"{directory()}/{digest.hexdigest()}.sock"
    if len(os.fsencode(path)) > _LONGEST - len(".4194304"):
        raise EngineUnusable("the runtime directory has too long a name")
    return path


def _situation() -> list[bytes]:
    """Describe this process: user, capabilities, limits, namespaces, root, umask."""
    with open("/proc/self/status", "rb") as file:
        status = [line for line in file if line.startswith(tuple(map(str.encode, _STATUS)))]
    with open("/proc/self/limits", "rb") as file:
        limits = [line for line in file if not line.startswith(b"Max open files")]
    spaces = [os.readlink(b"/proc/self/ns/" + name.encode()) for name in _NAMESPACES]
    umask = os.umask(0o077)
    os.umask(umask)
    return [*status, *limits, *spaces, os.readlink(b"/proc/self/root"), str(umask).encode()]
