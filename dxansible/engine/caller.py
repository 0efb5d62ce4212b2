"""What an engine must have in common with its caller, and where such an engine is found.

A call goes to an engine only if this context is the same, byte for byte, as that of the call that
started it; what else there is of a caller travels with each call. Few imports: this is loaded
before anything else, in each call.
"""

from __future__ import annotations

import os
import sys
from binascii import crc32

from dxansible.engine.wire import pack

__all__ = [
    "DISPATCH",
    "PLAYBOOK",
    "Absent",
    "Unfit",
    "address",
    "context",
    "directory",
    "shared_environment",
    "wanted",
]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

DISPATCH, PLAYBOOK = "dx-dispatch", "ansible-playbook"

_PREFIXES = ("PYTHON", "LC_", "LD_", "GLIBC_", "MALLOC_", "OPENSSL_", "SSL_", "NIX_")
_NAMES = ("HOME", "LANG", "LANGUAGE", "LOCPATH", "TZ", "TZDIR", "TMPDIR", "TEMP", "TMP")
_OF_ANSIBLE = ("NO_COLOR", "PAGER", "EDITOR")
"""What ansible-core reads besides ANSIBLE_*, by its base.yml."""
_OF_ONE_RUN = "ANSIBLE_CACHE_PLUGIN_CONNECTION"
"""The one setting to which ansible-runner gives another value in each run."""
_NO_PATHS = frozenset(
    "ANSIBLE_" + name
    for name in (
        "CACHE_PLUGIN",
        "DEPRECATION_WARNINGS",
        "HOST_KEY_CHECKING",
        "HOST_PATTERN_MISMATCH",
        "INVENTORY_ANY_UNPARSED_IS_FAILED",
        "INVENTORY_UNPARSED_FAILED",
        "NOCOLOR",
        "RETRY_FILES_ENABLED",
        "STDOUT_CALLBACK",
    )
)
"""Set in each run by us and ansible-runner; they mean the same in every directory."""
_STATUS = ("Uid:", "Gid:", "Groups:", "Cap", "NoNewPrivs:", "Seccomp", "Cpus_allowed:")
_NAMESPACES = ("mnt", "pid", "net", "user", "uts", "ipc", "cgroup")
_LONGEST = 90
"""Of a socket's path, in bytes."""
_OFF = ("off", "0", "no", "false")


class Unfit(Exception):  # noqa: N818 - not an error: the call goes the slow way
    """No engine can have this call; the text says why."""


class Absent(Unfit):
    """No engine has loaded what this call needs; ``start`` starts one, and says whether it did."""

    def __init__(self, path: str, start: Callable[[], bool]) -> None:
        """Nothing is started yet; it would have its socket at ``path``."""
        super().__init__("there is none yet")
        self.path = path
        self.start = start


def wanted(environment: Mapping[str, str]) -> bool:
    """Whether calls are to go to engines: on Linux, unless DX_ENGINE says off."""
    return sys.platform == "linux" and environment.get("DX_ENGINE", "").lower() not in _OFF


def directory() -> str:
    """The directory of this user's engines; it need not exist."""
    wanted = os.environ.get("XDG_RUNTIME_DIR") or "/tmp"  # noqa: S108 - checked before use
    return f"{wanted}/dx-engine-{os.geteuid()}"


def address(text: bytes) -> str:
    """The socket of the engine with this context; equal names don't mean equal contexts."""
    path = f"{directory()}/{crc32(text):08x}{crc32(text[::-1]):08x}.sock"
    if len(path) > _LONGEST:
        raise Unfit("the runtime directory has too long a name")
    return path


def shared_environment(program: str) -> dict[str, str]:
    """The variables that the program reads while it is loaded."""
    prefixes = (*_PREFIXES, "ANSIBLE_") if program == PLAYBOOK else _PREFIXES
    names = (*_NAMES, *_OF_ANSIBLE) if program == PLAYBOOK else _NAMES
    return {
        name: value
        for name, value in os.environ.items()
        if (name.startswith(prefixes) or name in names) and name != _OF_ONE_RUN
    }


def context(program: str, root: str, sources: Sequence[str] = ()) -> bytes:
    """All that must be equal. Raises Unfit.

    ``root`` is the directory that has this package; the engine keeps what it finds in ``sources``.
    """
    shared = shared_environment(program)
    place = _decisive_directory(shared) if program == PLAYBOOK else ""
    parts = [program, sys.executable, sys.version, root, place, str(os.getpriority(0, 0))]
    parts += [f"{name}={value}" for name, value in sorted(shared.items())]
    parts += ["", *sources]
    return pack([*map(os.fsencode, parts), *_situation()])


def _decisive_directory(shared: dict[str, str]) -> str:
    """The working directory if Ansible's settings may depend on it, else nothing."""
    given = [(name, value) for name, value in shared.items() if name.startswith("ANSIBLE_")]
    if any("$" in value for _, value in given):
        raise Unfit("a setting of Ansible's refers to the environment")
    depends = any(
        name not in _NO_PATHS and not all(part.startswith("/") for part in value.split(":"))
        for name, value in given
    )
    files = (f"{shared.get('HOME', '')}/.ansible.cfg", "/etc/ansible/ansible.cfg", "ansible.cfg")
    if depends or any(os.path.lexists(file) for file in files):
        return os.getcwd()
    return ""


def _situation() -> list[bytes]:
    """Who we are to the system: identity, rights, limits, namespaces."""
    try:
        with open("/proc/self/status", "rb") as file:
            status = [line for line in file if line.startswith(tuple(map(str.encode, _STATUS)))]
        with open("/proc/self/limits", "rb") as file:
            limits = file.read()
        spaces = [os.readlink(b"/proc/self/ns/" + name.encode()) for name in _NAMESPACES]
        return [*status, limits, *spaces, os.readlink(b"/proc/self/root")]
    except OSError:
        raise Unfit("this system has no /proc like Linux") from None
