# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A connection to a VM that is a directory of this machine, and fails as its scenario says."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleAuthenticationFailure, AnsibleConnectionFailure, AnsibleError
from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = """
name: golden
short_description: Runs commands in a home directory of the host's own
description:
  - Each call runs C(sh) here, as sshd would there, with C(home) of the directory as HOME.
  - The file C(faults.json) of the directory says which calls fail, and how.
author: dxansible
options:
  host:
    description: As of ssh; nobody connects to it.
    vars:
      - name: inventory_hostname
      - name: ansible_host
  port:
    description: As of ssh.
    type: int
    vars:
      - name: ansible_port
  remote_user:
    description: As of ssh.
    vars:
      - name: ansible_user
  directory:
    description: The host's directory.
    required: true
    vars:
      - name: golden_directory
"""

_VERBS = frozenset({"start", "poll", "abort", "list", "note", "clean", "ping"})
_Answer = tuple[int, bytes, bytes]


class Connection(ConnectionBase):  # type: ignore[misc] # ansible-core has no types
    """Counts the calls of each of the keeper's verbs, since a scenario's fault has a number."""

    transport = "golden"
    has_pipelining = True

    def _connect(self) -> Connection:
        self._connected = True
        return self

    def exec_command(
        self,
        cmd: str,
        in_data: bytes | None = None,
        sudoable: bool = True,  # noqa: ARG002, FBT001, FBT002 - Ansible's signature
    ) -> _Answer:
        """Run it, or fail."""
        directory, data = Path(self.get_option("directory")), in_data or b""
        told: dict[str, Any] = json.loads((directory / "faults.json").read_bytes())
        faults = told["faults"]
        number = _count(directory, verb := _verb(cmd))
        due = [fault for fault in faults if fault["on"] == [verb, number]]
        if told["go"] and due and due[0] is faults[-1]:
            (directory / "home" / "go").touch()
        if not due:
            return _run(directory, cmd, data)
        return self._fail(due[0], directory, cmd, data)

    def _fail(self, fault: dict[str, Any], directory: Path, cmd: str, data: bytes) -> _Answer:
        answer = (0, b"", b"")
        if (runs := fault.get("runs")) is not None:
            answer = _run(directory, cmd, data[: round(len(data) * runs)])
        match fault["how"]:
            case "lost":
                raise AnsibleConnectionFailure(fault["text"])
            case "auth":
                raise AnsibleAuthenticationFailure(fault["text"])
            case "broken":
                raise AnsibleError(fault["text"])
            case "hang":
                return _process(["sleep", "600"], directory, b"")
            case _:
                pass
        code, out, err = answer
        if (keep := fault.get("keep")) is not None:
            out = out[:keep] if keep < 0 else out[: round(len(out) * keep)]
        before, after, said = (fault.get(key, "").encode() for key in ("before", "after", "err"))
        return fault.get("code", code), before + out + after, said + err

    def put_file(self, in_path: str, out_path: str) -> None:
        """Raise AnsibleError: nothing of ours sends a file."""
        raise AnsibleError(f"no file can be sent: {in_path} to {out_path}")

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Raise AnsibleError, as for sending."""
        raise AnsibleError(f"no file can be fetched: {in_path} to {out_path}")

    def close(self) -> None:
        """Forget the connection."""
        self._connected = False


def _verb(cmd: str) -> str:
    return next((word for word in shlex.split(cmd) if word in _VERBS), "install")


def _count(directory: Path, verb: str) -> int:
    """Calls of a host come one after the other, perhaps from several processes."""
    calls = directory / "calls"
    with calls.open("a") as file:
        file.write(f"{verb}\n")
    return calls.read_text().splitlines().count(verb)


def _run(directory: Path, cmd: str, data: bytes) -> _Answer:
    return _process(["sh", "-c", cmd], directory, data)


def _process(arguments: list[str], directory: Path, data: bytes) -> _Answer:
    environment = {
        "HOME": str(directory / "home"),
        "PATH": os.defpath,
        "SHELL": "/bin/sh",
        "LANG": "C.UTF-8",
        "DX_SESSION_TAG": "<client>",  # see orphans.py
    }
    with subprocess.Popen(
        arguments, env=environment, cwd=directory, start_new_session=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        try:
            out, err = process.communicate(data)
        except BaseException:
            process.kill()
            raise
    return process.returncode, out, err
