# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Talks to the keeper, our shell script that runs on the VM, over any Ansible connection."""

from __future__ import annotations

import hashlib
import secrets
import shlex
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ENDED", "Connection", "CutShortError", "Keeper", "KeeperError", "Reply", "parse_reply"]

ENDED = frozenset({"exited", "timeout", "aborted", "killed", "lost", "unstarted", "unknown"})
"""States that nothing can follow."""

_SOURCE = Path(__file__).resolve().parents[2] / "files" / "keeper"
_HOME = "${XDG_STATE_HOME:-$HOME/.local/state}/dxansible"


class Connection(Protocol):
    """What the keeper needs of an Ansible connection plugin."""

    def exec_command(
        self, cmd: str, in_data: bytes | None = None, *, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]:
        """Exit code, standard output and standard error of a command on the VM."""


class KeeperError(Exception):
    """The VM was reached, but its shell or its disk can't do what was asked; the text says what."""


class CutShortError(KeeperError):
    """An answer began and did not end: the connection went away under it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer of the keeper: the state of a session, and what is new of its output."""

    state: str
    code: int | None = None
    """Exit code; above 128 for a signal, as shells count."""
    verified: bool | None = None
    """After a stop: True if no process of the session is left, False if that is not certain."""
    left: int = 0
    """Processes that an ended command left running."""
    attached: bool = True
    """False when this very call started the session."""
    full: bool = False
    """The VM's disk was full, so output is missing without being counted."""
    out: bytes = b""
    err: bytes = b""
    out_from: int = 0
    err_from: int = 0
    out_total: int = 0
    err_total: int = 0

    @property
    def complete(self) -> bool:
        """Nothing will follow: the session has ended and this reply holds its last bytes."""
        return (
            self.state in ENDED
            and self.out_from + len(self.out) >= self.out_total
            and self.err_from + len(self.err) >= self.err_total
        )


@cache
def _script() -> bytes:
    return b"".join(part.read_bytes() for part in sorted(_SOURCE.glob("*.sh")))


def _shell(text: str, *arguments: str) -> str:
    return shlex.join(["sh", "-c", text, "dx", *arguments])


class Keeper:
    """The keeper on one VM. Every method is one round trip, and three where it installs it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._file = f"{_HOME}/keeper-{hashlib.sha256(_script()).hexdigest()[:16]}.sh"

    def start(self, session: str, command: bytes, options: Mapping[str, object]) -> Reply:
        """Start a command under an id, or attach to what already runs under that id."""
        return self._ask("start", {"id": session, "length": len(command), **options}, command)

    def poll(self, session: str, options: Mapping[str, object]) -> Reply:
        """Wait for news of a session, for up to ``wait`` seconds."""
        return self._ask("poll", {"id": session, **options})

    def abort(self, session: str, wait: int) -> Reply:
        """Stop a session and see that it is gone, for up to ``wait`` seconds.

        An id not seen yet can't start later.
        """
        return self._ask("abort", {"id": session, "wait": wait, "chunk": 0})

    def ping(self) -> None:
        """Prove that the VM runs commands for this user."""
        self._ask("ping", {})

    def _ask(self, verb: str, options: Mapping[str, object], payload: bytes = b"") -> Reply:
        reply = self._call(verb, options, payload)
        if reply.state == "absent":
            self._install()
            reply = self._call(verb, options, payload)
        return reply

    def _call(self, verb: str, options: Mapping[str, object], payload: bytes) -> Reply:
        mark = f"dx-{secrets.token_hex(8)}"
        text = (
            f'k={self._file}; if [ -f "$k" ]; then exec sh "$k" "$@"; fi; cat >/dev/null; '
            f"printf '\\n%s\\n%s\\n' '{mark} state=absent' '{mark} end'"
        )
        arguments = [f"{key}={value}" for key, value in options.items()]
        command = _shell(text, verb, f"mark={mark}", *arguments)
        code, out, err = self._connection.exec_command(
            command, in_data=payload or b"\n", sudoable=False
        )
        return parse_reply(mark, code, out, err)

    def _install(self) -> None:
        script = _script()
        text = (
            f'umask 077; d={_HOME}; mkdir -p "$d" && cat >"$d/.keeper.$$" && '
            f'[ "$(wc -c <"$d/.keeper.$$")" -eq {len(script)} ] && '
            f'mv -f "$d/.keeper.$$" "{self._file}"'
        )
        code, out, err = self._connection.exec_command(_shell(text), in_data=script, sudoable=False)
        if code != 0:
            raise KeeperError(
                _complaint(out, err) or f"the VM can't store our script (exit {code})"
            )


def _complaint(out: bytes, err: bytes) -> str:
    lines = (err.strip() or out.strip()).decode(errors="replace").splitlines()
    return lines[-1].strip()[:300] if lines else ""


def parse_reply(mark: str, code: int, out: bytes, err: bytes) -> Reply:
    """Read a reply out of whatever the login shell printed around it.

    Raises KeeperError if it is not there, CutShortError if it is not whole.
    """
    _, found, rest = out.partition(b"\n" + mark.encode() + b" ")
    header, newline, body = rest.partition(b"\n")
    if not found or not newline:
        raise KeeperError(
            _complaint(out, err) or f"the VM's shell ended with exit code {code} and said nothing"
        )
    text, _, message = header.decode(errors="replace").partition(" message=")
    fields = dict(field.split("=", 1) for field in text.split() if "=" in field)
    if fields.get("state") == "error":
        raise KeeperError(message or "the VM can't run this")
    out_size = _number(fields, "out_upto") - _number(fields, "out_from")
    err_size = _number(fields, "err_upto") - _number(fields, "err_from")
    if (
        not body[out_size + err_size :].startswith(b"\n" + mark.encode() + b" end")
        and body != mark.encode() + b" end\n"
    ):
        raise CutShortError("the VM's answer was cut short")
    return Reply(
        state=fields.get("state", "unknown"),
        code=int(fields["code"]) if fields.get("code", "-").isdigit() else None,
        verified={"yes": True, "no": False}.get(fields.get("verified", "-")),
        left=_number(fields, "left"),
        attached=fields.get("attached") != "no",
        full=fields.get("full") == "yes",
        out=body[:out_size],
        err=body[out_size : out_size + err_size],
        out_from=_number(fields, "out_from"),
        err_from=_number(fields, "err_from"),
        out_total=_end(fields, "out"),
        err_total=_end(fields, "err"),
    )


def _number(fields: Mapping[str, str], key: str) -> int:
    value = fields.get(key, "0")
    return int(value) if value.isdigit() else 0


def _end(fields: Mapping[str, str], stream: str) -> int:
    # an ended command's output ends where it stood then; a job that it left may go on writing
    value = fields.get(f"{stream}_end", "-")
    return int(value if value.isdigit() else fields.get(f"{stream}_total", "0"))
