# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The effective ssh configuration of a host, cached until a file that ssh reads changes.

This saves a process for each host and call. A configuration that depends on more than files is not
cached: ``Match`` may run a program or look at the network, and DNS may complete host names.
"""

from __future__ import annotations

import os
import pwd
import shlex
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from .checks import CheckFailure, invalid
from .file_stamp import Stamp, stamp
from .record import PreflightStatus
from .value import Value, field

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_READS = "debug1: Reading configuration data "
_PLAIN_SESSION = {
    "forkafterauthentication": "no",
    "forwardagent": "no",
    "forwardx11": "no",
    "requesttty": "auto",
    "sessiontype": "default",
    "stdinnull": "no",
}
_UNSTABLE = ("match", "canonicalizehostname")
"""Keywords whose effect may change while the files stay the same."""
_SETTLED = 2.5
"""Seconds; a file that changed more recently may change again with the same timestamp."""
_MOST = 20_000
"""Hosts in the cache; when full, it is cleared."""


class SshConfig(Value):
    """The effective ssh configuration for a host, as ``ssh -G`` prints it."""

    hostname: str
    port: int
    user: str | None = None
    """None if ssh names the user of this machine, which it does without any configuration."""
    proxied: bool = False
    strict: str = "ask"
    identity_files: tuple[str, ...] = ()
    identity_agent: str | None = None
    pkcs11: bool = False
    family: int = field(default=socket.AF_UNSPEC)
    user_known_hosts: tuple[str, ...] = ()
    global_known_hosts: tuple[str, ...] = ()
    host_key_alias: str | None = None
    sends: list[str] | None = None
    """The patterns of ``SendEnv``; None if a session is more than a command and its streams."""


_PATIENCE = 20.0
"""Seconds for a call that contacts no host: only this machine can make it slow."""


def read_ssh_config(arguments: list[str], timeout: float) -> tuple[SshConfig, list[str]]:
    """Ask ssh for its effective configuration, and for the files that it read.

    Opens no connection. Raises CheckFailure.
    """
    try:
        done = subprocess.run(
            ["ssh", "-G", "-v", *arguments],
            capture_output=True, text=True, errors="replace", timeout=timeout, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise invalid("there is no ssh client here; install openssh-client") from None
    except subprocess.TimeoutExpired:
        raise CheckFailure(
            PreflightStatus.TIMEOUT,
            f"ssh -G took over {timeout:g} s; look at Match exec in ssh_config, or at the load of "
            "this machine",
        ) from None
    told = done.stderr.splitlines()
    if done.returncode != 0:
        problem = "\n".join(line for line in told if not line.startswith(("debug1:", "OpenSSH_")))
        raise invalid(f"ssh can't use its configuration: {problem[:300]}")
    files = [line.removeprefix(_READS) for line in told if line.startswith(_READS)]
    values: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        key, _sep, value = line.partition(" ")
        values.setdefault(key.lower(), []).append(value)

    own_name = pwd.getpwuid(os.getuid()).pw_name

    def first(key: str, default: str = "") -> str:
        return values.get(key, [default])[0]

    config = SshConfig(
        hostname=first("hostname"),
        port=int(first("port", "22")),
        user=None if first("user") == own_name else first("user") or None,
        proxied=first("proxyjump", "none") != "none" or first("proxycommand", "none") != "none",
        strict=first("stricthostkeychecking", "ask"),
        identity_files=tuple(values.get("identityfile", ())),
        identity_agent=first("identityagent") or None,
        pkcs11=first("pkcs11provider", "none") != "none",
        family={"inet": socket.AF_INET, "inet6": socket.AF_INET6}.get(
            first("addressfamily"), socket.AF_UNSPEC
        ),
        user_known_hosts=tuple(first("userknownhostsfile").split()),
        global_known_hosts=tuple(first("globalknownhostsfile").split()),
        host_key_alias=first("hostkeyalias") or None,
        sends=values.get("sendenv", []) if _is_plain(values) else None,
    )
    return config, files


def _is_plain(values: Mapping[str, list[str]]) -> bool:
    """Whether a session has no terminal, agent or display, and runs what it is given."""
    return "remotecommand" not in values and all(
        values.get(name, [word])[0] == word for name, word in _PLAIN_SESSION.items()
    )


_known: dict[tuple[str, ...], tuple[SshConfig, dict[str, Stamp | None]]] = {}


def remembered_ssh_config(arguments: Sequence[str], timeout: float) -> SshConfig:
    """The result of `read_ssh_config`, from the cache if it is up to date. Raises CheckFailure.

    ``timeout`` is a host's; ssh has more time where that is short.
    """
    key = tuple(arguments)
    known = _known.get(key)
    if known is not None and all(stamp(path) == then for path, then in known[1].items()):
        return known[0]
    began = time.time()
    config, files = read_ssh_config(list(arguments), max(timeout, _PATIENCE))
    _known.pop(key, None)
    try:
        read = dict(_read(files))
    except (OSError, ValueError):
        return config
    changes = (max(each.modified, each.changed) / 1e9 for each in read.values() if each)
    if max(changes, default=0.0) < began - _SETTLED:
        if len(_known) >= _MOST:
            _known.clear()
        _known[key] = config, read
    return config


def _read(files: Sequence[str]) -> Iterator[tuple[str, Stamp | None]]:
    """The state of all files that ssh reads, including those that don't exist.

    Raises ValueError for a line whose effect can't be cached.
    """
    own = f"{pwd.getpwuid(os.getuid()).pw_dir}/.ssh"  # as ssh does, whatever HOME is
    for path in (f"{own}/config", *files):
        yield path, stamp(path)
    for path in files:
        base = own if path.startswith(own) else str(Path(path).parent)
        for line in Path(path).read_text(errors="replace").splitlines():
            word, _sep, rest = line.strip().replace("=", " ", 1).partition(" ")
            if word.lower().startswith(_UNSTABLE):
                raise ValueError(line)
            if word.lower() == "include":
                for pattern in shlex.split(rest, comments=True):
                    directory = str(Path(base, pattern).parent)
                    if set("*?[~$%") & set(directory):
                        raise ValueError(line)
                    yield directory, stamp(directory)
