# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The preflight checks, in the order of the specification: host mapping, DNS, TCP, auth mode.

The real connection usually is the TCP check. A bare probe has a price: OpenSSH 9.8 and later
penalises a client that connects and leaves, and bans it after a few dozen times. Only a host that
fails the auth check is probed, so that an unreachable host is reported as unreachable first.
"""

from __future__ import annotations

import base64
import errno
import getpass
import os
import shutil
import socket
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from . import tailscale
from .record import PreflightStatus
from .value import Value

if TYPE_CHECKING:
    from .ssh_config import SshConfig

AUTH_MODES = ("local", "tailscale", "ssh_key")

_OPEN_KEY = b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + base64.b64encode(
    b"openssh-key-v1\0\0\0\0\4none\0\0\0\4none\0\0\0\0\0\0\0\1"
)
"""Start of an unencrypted key file: magic, cipher none, KDF none, no KDF options, one key."""
_END_OF_KEY = b"-----END OPENSSH PRIVATE KEY-----\n"


@dataclass(frozen=True, slots=True)
class CheckFailure(Exception):  # noqa: N818 - a finding about a host, not a program error
    """A failed check: its status, and a text that ends with the remedy."""

    status: PreflightStatus
    text: str


def invalid(text: str) -> CheckFailure:
    """Return the failure of a setting that can't work."""
    return CheckFailure(PreflightStatus.AUTH_MODE_INVALID, text)


class Target(Value):
    """A host as the inventory describes it."""

    name: str
    address: str
    port: int | None
    user: str | None
    auth_mode: str
    connection: str
    key_file: str | None = None
    has_password: bool = False
    needs_sshpass: bool = False
    """Ansible passes the password through ``sshpass``."""
    hostnames: tuple[str, ...] = ()
    """Host names that a ``local`` host may have: inventory name, aliases, ``dx_hostnames``."""


def check_mapping(target: Target) -> None:
    """Check that the inventory has a user and a valid auth mode for the host."""
    if target.auth_mode not in AUTH_MODES:
        raise invalid(
            f"{target.name}: dx_auth_mode is {target.auth_mode!r}; "
            f"it has to be one of {', '.join(AUTH_MODES)}",
        )
    if not target.user:
        raise CheckFailure(
            PreflightStatus.USER_MAPPING_MISSING,
            f"{target.name} has no user in the inventory; set ansible_user in its host_vars, or "
            "User in ssh_config, if it is not the one of this machine",
        )


def check_dns(target: Target, ssh: SshConfig, timeout: float) -> list[tuple[int, tuple[str, int]]]:
    """Resolve the host to (family, address) pairs. ``timeout`` is in seconds."""
    answer: list[tuple[int, tuple[str, int]]] = []
    problem: list[OSError] = []

    def look_up() -> None:
        try:
            found = socket.getaddrinfo(ssh.hostname, ssh.port, ssh.family, socket.SOCK_STREAM)
            answer.extend((int(entry[0]), (str(entry[4][0]), int(entry[4][1]))) for entry in found)
        except OSError as error:
            problem.append(error)
        except UnicodeError:
            problem.append(socket.gaierror(socket.EAI_NONAME, "not a host name"))

    # getaddrinfo can't be interrupted: a thread that hangs is left behind
    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(timeout)
    if answer:
        return answer
    if not problem:
        raise CheckFailure(
            PreflightStatus.TIMEOUT,
            f"{target.name}: no answer from DNS for {ssh.hostname} in {timeout:g} s",
        )
    remedy = "check ansible_host and your DNS"
    if target.auth_mode == "tailscale":
        remedy = _tailscale_remedy(timeout) or "is MagicDNS on? try: tailscale status"
    raise CheckFailure(
        PreflightStatus.HOST_UNRESOLVABLE,
        f"{target.name}: {ssh.hostname} can't be resolved ({_reason(problem[0])}); {remedy}",
    )


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _tailscale_remedy(timeout: float) -> str | None:
    try:
        tailscale.check_peer(tailscale.read_status(timeout), ["-"])
    except tailscale.TailscaleError as error:
        return error.text if "called -" not in error.text else None
    return None


def check_tcp(target: Target, addresses: list[tuple[int, tuple[str, int]]], timeout: float) -> None:
    """Check that a server listens on one of the addresses.

    The server may penalise this probe; see the module's docstring.
    """
    status, text = PreflightStatus.HOST_UNREACHABLE, "no address"
    for family, address in addresses:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.settimeout(timeout)
            try:
                probe.connect(address)
            except TimeoutError:
                status, text = PreflightStatus.TIMEOUT, f"no answer in {timeout:g} s"
            except OSError as error:
                status, text = (
                    PreflightStatus.HOST_UNREACHABLE,
                    errno.errorcode.get(error.errno or 0, str(error)),
                )
            else:
                return
    host, port = addresses[0][1] if addresses else (target.address, 22)
    raise CheckFailure(
        status,
        f"{target.name}: nothing answers at {host} port {port} ({text}); "
        "is the machine on and sshd running?",
    )


def check_auth(target: Target, ssh: SshConfig | None, timeout: float) -> None:
    """Check that this machine can use the host's auth mode."""
    if target.connection == "local" or target.auth_mode == "local":
        _check_local(target)
    elif target.auth_mode == "tailscale":
        names = [target.address, *([ssh.hostname] if ssh else []), target.name]
        try:
            tailscale.check_peer(tailscale.read_status(timeout), names)
        except tailscale.TailscaleError as error:
            status = (
                PreflightStatus.HOST_UNREACHABLE
                if error.offline
                else PreflightStatus.AUTH_MODE_INVALID
            )
            raise CheckFailure(status, f"{target.name}: {error.text}") from error
    elif ssh is not None:
        _check_key(target, ssh, timeout)


def _check_local(target: Target) -> None:
    if target.connection != "local":
        raise invalid(
            f"{target.name}: dx_auth_mode is local, but ansible_connection is {target.connection}; "
            "set both to local",
        )
    here = {socket.gethostname().lower(), socket.gethostname().partition(".")[0].lower()}
    if target.auth_mode == "local" and not here & {name.lower() for name in target.hostnames}:
        raise invalid(
            f"{target.name} is a local VM, and this machine is {socket.gethostname()}; "
            f"run this on {target.name}, or give it ansible_host and dx_auth_mode tailscale or "
            "ssh_key in this machine's inventory",
        )
    user = getpass.getuser()
    if target.user not in {None, user}:
        raise invalid(
            f"{target.name}: a local command runs as {user}, and the inventory says {target.user}; "
            f"run this as {target.user}",
        )


def _check_key(target: Target, ssh: SshConfig, timeout: float) -> None:
    if target.needs_sshpass and shutil.which("sshpass") is None:
        raise invalid(
            f"{target.name}: its password needs sshpass, which is missing here; install it, or "
            "leave out ansible_ssh_password_mechanism",
        )
    if target.has_password or ssh.pkcs11 or _agent_has_identity(ssh.identity_agent, timeout):
        return
    files = [target.key_file] if target.key_file else list(ssh.identity_files)
    present = [path for path in (Path(name).expanduser() for name in files) if path.is_file()]
    problems = [problem for path in present if (problem := _key_problem(path, timeout)) is not None]
    if len(problems) < len(present):
        return
    if problems:
        raise invalid(f"{target.name}: {problems[0]}")
    wanted = files[0] if target.key_file else "~/.ssh/id_ed25519"
    raise invalid(
        f"{target.name}: there is no SSH key ({wanted}) and no agent with one; "
        "run ssh-keygen or ssh-add",
    )


def _agent_has_identity(agent: str | None, timeout: float) -> bool:
    where = (
        agent
        if agent and agent not in {"SSH_AUTH_SOCK", "none"}
        else os.environ.get("SSH_AUTH_SOCK")
    )
    if agent == "none" or not where or shutil.which("ssh-add") is None:
        return False
    environment = {**os.environ, "SSH_AUTH_SOCK": str(Path(where).expanduser())}
    try:
        done = subprocess.run(
            ["ssh-add", "-l"], env=environment, capture_output=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _is_open(path: Path) -> bool:
    """Whether the file looks like a complete key without a passphrase (PROTOCOL.key).

    Only the start and the end of the file are read. This saves an ``ssh-keygen`` for each host.
    """
    with path.open("rb") as file:
        if file.read(len(_OPEN_KEY)) != _OPEN_KEY:
            return False
        file.seek(-len(_END_OF_KEY), os.SEEK_END)
        return file.read() == _END_OF_KEY


def _key_problem(path: Path, timeout: float) -> str | None:
    if not os.access(path, os.R_OK):
        return f"the key {path} can't be read; check its owner and mode"
    if path.stat().st_mode & 0o077:
        return f"others can read the key {path}, so ssh won't use it; run: chmod 600 {path}"
    return None if _is_open(path) else _key_complaint(path, timeout)


def _key_complaint(path: Path, timeout: float) -> str | None:
    try:
        done = subprocess.run(
            ["ssh-keygen", "-y", "-P", "", "-f", str(path)],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False,
        )  # fmt: skip
    except (subprocess.TimeoutExpired, FileNotFoundError):
        return None
    if done.returncode == 0:
        return None
    complaint = done.stderr.decode(errors="replace")
    if "passphrase" in complaint:
        return f"the key {path} has a passphrase and no agent holds it; run: ssh-add {path}"
    return f"the key {path} is damaged or not a private key"
