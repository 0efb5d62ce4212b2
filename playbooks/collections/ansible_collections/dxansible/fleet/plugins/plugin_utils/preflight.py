# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The preflight of one host: the checks before first contact, and the record of their findings."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import checks, link, session
from .record import PreflightStatus
from .value import replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible.plugins.connection import ConnectionBase

    from .ssh_config import SshConfig


_STRICT = frozenset({"yes", "true"})

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "run_id": {"type": "str", "default": "", "variable": "dx_run_id"},
    "id_prefix": {"type": "str", "default": "cmd"},
    "checks": {"type": "bool", "default": True, "variable": "dx_preflight"},
    "slack_channel": {"type": "str", "default": "", "variable": "dx_slack_channel"},
}


class Preflight:
    """Checks a host. ``record`` has the findings, and ``failure`` the failed check, if any."""

    def __init__(
        self,
        connection: ConnectionBase,
        variables: Mapping[str, Any],
        options: Mapping[str, Any],
    ) -> None:
        """Record the inventory's description of the host; ``options`` are those of OPTIONS."""
        self._began = time.monotonic()
        self._connection = connection
        self._checks = options["checks"]
        self.failure: checks.CheckFailure | None = None
        name = str(variables["inventory_hostname"])
        self.target = link.describe(name, connection, variables)
        run_id = options["run_id"] or session.new_run_id(options["id_prefix"])
        self.record: dict[str, Any] = {
            "kind": "preflight",
            "id": session.session_id(run_id, name),
            "status": str(PreflightStatus.OK),
            "error": None,
            "user": self.target.user,
            "user_from": None,
            "auth_mode": self.target.auth_mode,
            "address": self.target.address,
            "port": self.target.port,
            "aliases": list(map(str, variables.get("dx_aliases") or [])),
            "capabilities": list(map(str, variables.get("dx_capabilities") or [])),
            "connect": False,
            "attempts": 0,
            "latency_ms": None,
            "agent": None,
            "agent_found": None,
            "agent_version": None,
            "load": None,
            "running": None,
            "slack_channel": options["slack_channel"] or None,
            "ssh": {},
            "warning": None,
        }

    def make(self, timeout: float) -> None:
        """Run the checks, each within ``timeout`` seconds. The first that fails decides."""
        try:
            self._make(timeout)
        except checks.CheckFailure as failure:
            self.fail(failure)
        self.measure()

    def fail(self, failure: checks.CheckFailure) -> None:
        """Record a failed check."""
        self.failure = failure
        self.record |= {"status": str(failure.status), "error": failure.text}

    def measure(self) -> None:
        """Record the time taken so far."""
        self.record["duration_ms"] = round((time.monotonic() - self._began) * 1000)

    def _make(self, timeout: float) -> None:
        ssh = link.ssh_config(self.target, self._connection, timeout)
        if ssh is not None and ssh.user and not self.target.user:
            self.target = replace(self.target, user=ssh.user)
            self.record |= {"user": ssh.user, "user_from": "ssh_config"}
        target = self.target
        if self._checks:
            checks.check_mapping(target)
        if ssh is not None:
            self.record |= {"ssh": {"strict": ssh.strict, "sends": ssh.sends}, "port": ssh.port}
            self.record["warning"] = _warning(target.name, ssh, timeout)
        if not self._checks:
            return
        if ssh is None or ssh.proxied:
            checks.check_auth(target, ssh, timeout)
            return
        addresses = checks.check_dns(target, ssh, timeout)
        try:
            checks.check_auth(target, ssh, timeout)
        except checks.CheckFailure:
            checks.check_tcp(target, addresses, timeout)
            raise


def _warning(host: str, ssh: SshConfig, timeout: float) -> str | None:
    """A warning if ssh would accept the host's new key but can't store it.

    ssh itself only prints a line then, and accepts any key the next time. None if the key is known
    or will be stored, or if unsure.
    """
    users = [name for name in ssh.user_known_hosts if name != "none"]
    names = [*users, *(name for name in ssh.global_known_hosts if name != "none")]
    if ssh.strict in _STRICT or not users or not all(map(_is_whole_path, names)):
        return None
    first = Path(users[0]).expanduser()
    if _can_write(first) or _is_known(ssh, names, timeout):
        return None
    return (
        f"{host}: its host key can't be saved, because {first} is not writable, so any other key "
        "would be accepted, too; make the file writable, or set UserKnownHostsFile in ssh_config"
    )


def _is_whole_path(name: str) -> bool:
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
