# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A connection that costs nothing: it answers from memory, as a VM would that runs ``echo hi``."""

from __future__ import annotations

import shlex

from ansible.errors import AnsibleError
from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = """
name: free
short_description: Answers from memory
description: For measuring what a controller costs. It starts no process and opens no file.
author: dxansible
options: {}
"""

_OUTPUT = b"hi\n"
_FIELDS = "state=exited code=0 verified=- left=0 out_end=- err_end=- attached=no token=- full=no"


class Connection(ConnectionBase):  # type: ignore[misc] # ansible-core has no types
    """Knows the keeper's verb ``start``; any other command prints the same."""

    transport = "free"
    has_pipelining = True

    def _connect(self) -> Connection:
        self._connected = True
        return self

    def exec_command(
        self,
        cmd: str,
        in_data: bytes | None = None,  # noqa: ARG002 - Ansible's signature
        sudoable: bool = True,  # noqa: ARG002, FBT001, FBT002 - as above
    ) -> tuple[int, bytes, bytes]:
        """Answer at once."""
        words = shlex.split(cmd)
        if words[3:5] != ["dx", "start"]:
            return 0, _OUTPUT, b""
        mark = next(word for word in words if word.startswith("mark=")).removeprefix("mark=")
        size = len(_OUTPUT)
        sizes = f"out_from=0 out_upto={size} out_total={size} err_from=0 err_upto=0 err_total=0"
        answer = f"\n{mark} {_FIELDS} {sizes}\n".encode() + _OUTPUT + f"\n{mark} end\n".encode()
        return 0, answer, b""

    def put_file(self, in_path: str, out_path: str) -> None:
        """Raise AnsibleError: nothing that is measured sends a file."""
        raise AnsibleError(f"no file can be sent: {in_path} to {out_path}")

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Raise AnsibleError, as for sending."""
        raise AnsibleError(f"no file can be fetched: {in_path} to {out_path}")

    def close(self) -> None:
        """Forget the connection."""
        self._connected = False
