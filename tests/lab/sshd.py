"""One OpenSSH server, with the faults that a server can have."""

import functools
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import ClassVar

from tests.lab import processes, uptime
from tests.lab.faults import Fault, LabError, LabUnsupported
from tests.lab.keys import make_key

SSHD = Path("/usr/sbin/sshd")
_PRIVILEGE_SEPARATION = Path("/run/sshd")  # where sshd confines itself when it runs as root
_FIRST_WITH_PENALTIES = (9, 8)
_PATIENCE = 10.0
_APART = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")

_PER_FAULT = {
    Fault.DEFAULT_PENALTIES: {"PerSourcePenalties": "yes"},
    Fault.MAX_STARTUPS: {"MaxStartups": "10:30:60"},
    Fault.HOLD_AUTH: {
        "AuthorizedKeysFile": "none",
        "AuthorizedKeysCommand": "/usr/bin/sleep infinity",
        "LoginGraceTime": "0",
    },
}


class Sshd:
    """An `sshd` that listens on a private loopback address and lets in one user with one key."""

    FAULTS: ClassVar = frozenset(
        {Fault.REFUSE_AUTH, Fault.CHANGED_KEY, Fault.LYING_BANNER, *_PER_FAULT}
    )

    def __init__(self, directory: Path, *, address: str, user: str, key: str, mark: str) -> None:
        """Prepare the server's files in `directory`; `mark` goes into its sessions' environment."""
        directory.mkdir(parents=True)
        self.faults: frozenset[Fault] = frozenset()
        self.host_key = make_key(directory / "host_key", "dxlab host")
        self.upstream = (address, _free_port(address))
        self.log = directory / "log"
        self.own_processes = False
        """Whether its sessions see no others, as on a machine of its own; for root only."""
        self._up_for: int | None = None
        self._directory = directory
        self._user = user
        self._client_key = key
        self._mark = mark
        self._running = ""
        self._listener: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server with the faults of now, without waiting for it."""
        (self._directory / "config").write_text(self._config())
        self._running = self._config()
        self._write_authorized_keys()
        apart: tuple[str, ...] = _APART if self.own_processes else ()
        if self._up_for is not None:
            apart += uptime.up_for(self._up_for)
        with self.log.open("ab") as log:
            self._listener = subprocess.Popen(
                [*apart, SSHD, "-D", "-e", "-f", self._directory / "config"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )

    def wait_for_banner(self) -> None:
        """Return when the server answers; raise `LabError` if it does not."""
        deadline = time.monotonic() + _PATIENCE
        while not self._answers():
            ended = self._listener is None or self._listener.poll() is not None
            if ended or time.monotonic() > deadline:
                last_words = self.log.read_text(errors="replace").splitlines()[-1:]
                message = f"sshd does not start: {' '.join(last_words)}"
                raise LabError(message)
            time.sleep(0.005)

    def stop(self) -> None:
        """Kill the server and all its sessions."""
        if self._listener:
            if self._listener.poll() is None:
                self._listener.send_signal(signal.SIGSTOP)  # it must not fork any more
                processes.kill({child.pid for child in self._descendants()})
            self._listener.kill()
            self._listener.wait()
            self._listener = None

    def restart(self, up_for: int | None) -> None:
        """Start again; unless it is None, the machine seems to be up for that many seconds."""
        self.stop()
        self._up_for = up_for
        self.start()
        self.wait_for_banner()

    def kill_sessions(self) -> None:
        """Kill the processes that serve a connection, and leave the listener."""
        processes.kill({p.pid for p in self._descendants() if p.name.startswith("sshd")})

    def fault(self, fault: Fault) -> None:
        """Add one of `FAULTS`.  All but `REFUSE_AUTH` restart the server, which ends sessions."""
        if fault is Fault.DEFAULT_PENALTIES and _version() < _FIRST_WITH_PENALTIES:
            message = "penalties need OpenSSH 9.8 or later"
            raise LabUnsupported(message)
        if fault is Fault.HOLD_AUTH and os.geteuid() != 0:
            message = "HOLD_AUTH needs root: sshd runs an AuthorizedKeysCommand of root's only"
            raise LabUnsupported(message)
        self._become(self.faults | {fault})

    def heal(self) -> None:
        """Take back all faults."""
        if self._up_for is not None:
            self.restart(None)
        self._become(frozenset())

    def _become(self, faults: frozenset[Fault]) -> None:
        self.faults = faults
        self._write_authorized_keys()
        if self._config() != self._running:
            self.stop()
            self.start()
            self.wait_for_banner()

    def _write_authorized_keys(self) -> None:
        allowed = "" if Fault.REFUSE_AUTH in self.faults else f"{self._client_key}\n"
        (self._directory / "authorized_keys").write_text(allowed)

    def _config(self) -> str:
        address, port = self.upstream
        options = {
            "ListenAddress": f"{address}:{port}",
            "HostKey": str(self._current_host_key()),
            "PidFile": "none",
            "LogLevel": "VERBOSE",
            "UsePAM": "no",
            "StrictModes": "no",
            "AuthenticationMethods": "publickey",
            "PasswordAuthentication": "no",
            "KbdInteractiveAuthentication": "no",
            "AuthorizedKeysFile": str(self._directory / "authorized_keys"),
            "AuthorizedKeysCommandUser": self._user,
            "MaxStartups": "200",
            "MaxSessions": "200",
            "SetEnv": self._mark,
            "Subsystem": "sftp internal-sftp",
        }
        if _version() >= _FIRST_WITH_PENALTIES:
            options["PerSourcePenalties"] = "no"
        if Fault.LYING_BANNER in self.faults:
            banner = self._directory / "banner"
            banner.write_text("Host key verification failed.\n")
            options["Banner"] = str(banner)
        for fault in sorted(self.faults & _PER_FAULT.keys()):
            options |= _PER_FAULT[fault]
        return "".join(f"{name} {value}\n" for name, value in options.items())

    def _current_host_key(self) -> Path:
        if Fault.CHANGED_KEY not in self.faults:
            return self._directory / "host_key"
        changed = self._directory / "changed_host_key"
        if not changed.exists():
            make_key(changed, "dxlab changed host")
        return changed

    def _answers(self) -> bool:
        # From an address of its own, so as not to earn the gate penalties.
        try:
            with socket.create_connection(
                self.upstream, timeout=_PATIENCE, source_address=(self.upstream[0], 0)
            ) as probe:
                return probe.recv(4) == b"SSH-"
        except OSError:
            return False

    def _descendants(self) -> list[processes.Process]:
        return processes.descendants(self._listener.pid) if self._listener else []


def check() -> None:
    """Raise `LabUnsupported` unless sshd can run here; make the directory it wants as root."""
    if not SSHD.exists():
        message = "no sshd: install Debian's openssh-server"
        raise LabUnsupported(message)
    if os.geteuid() == 0:
        _PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)


@functools.cache
def _version() -> tuple[int, int]:
    # Before 9.2 there is no -V, and the usage message tells the version as well.
    told = subprocess.run([SSHD, "-V"], capture_output=True, text=True, check=False).stderr
    found = re.search(r"OpenSSH_(\d+)\.(\d+)", told)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port
